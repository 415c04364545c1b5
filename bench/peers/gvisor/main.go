// The targets gvisor-packet and gvisor-gso: echo (7), discard (9) and chargen (19) on gVisor's netstack over a TUN
// device. As `packet` the device is behind gVisor's own fdbased endpoint, a packet at a time; as `gso` it is behind an
// endpoint of ours that passes segmentation and checksum offload on (gso.go).
//
// usage: gvisor packet|gso DEVICE MTU     makes the device and prints `ready {...}`; ends by a signal.
package main

import (
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

const (
	nic         = 1
	backlog     = 4096
	chunk       = 256 * 1024
	bufferBytes = 4 * 1024 * 1024
)

var pattern = func() []byte {
	bytes := make([]byte, chunk)
	for i := range bytes {
		bytes[i] = byte(' ' + i%95)
	}
	return bytes
}()

func main() {
	if len(os.Args) != 4 {
		fail(2, "usage: gvisor packet|gso DEVICE MTU")
	}
	mtu, err := strconv.ParseUint(os.Args[3], 10, 16)
	if err != nil {
		fail(2, "gvisor: %s is no MTU", os.Args[3])
	}
	s := newStack(newLink(os.Args[1], os.Args[2], uint32(mtu)))
	serve(s, 7, echo)
	serve(s, 9, discard)
	serve(s, 19, chargen)
	fmt.Printf("ready {\"pid\":%d}\n", os.Getpid())
	select {}
}

func fail(code int, format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(code)
}

func newLink(mode, device string, mtu uint32) stack.LinkEndpoint {
	switch mode {
	case "packet":
		fd, err := openTun(device, false)
		if err != nil {
			fail(1, "gvisor: %s: %v", device, err)
		}
		link, err := fdbased.New(&fdbased.Options{FDs: []int{fd}, MTU: mtu})
		if err != nil {
			fail(1, "gvisor: fdbased: %v", err)
		}
		return link
	case "gso":
		fd, err := openTun(device, true)
		if err != nil {
			fail(1, "gvisor: %s: %v", device, err)
		}
		return newGsoLink(fd, mtu)
	}
	fail(2, "gvisor: mode %s: there are packet and gso", mode)
	return nil
}

func newStack(link stack.LinkEndpoint) *stack.Stack {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol},
	})
	sack := tcpip.TCPSACKEnabled(true)
	congestion := tcpip.CongestionControlOption("cubic")
	moderate := tcpip.TCPModerateReceiveBufferOption(true)
	send := tcpip.TCPSendBufferSizeRangeOption{Min: 4096, Default: bufferBytes, Max: bufferBytes}
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: 4096, Default: bufferBytes, Max: bufferBytes}
	for _, option := range []tcpip.SettableTransportProtocolOption{&sack, &congestion, &moderate, &send, &receive} {
		must(s.SetTransportProtocolOption(tcp.ProtocolNumber, option))
	}
	must(s.CreateNIC(nic, link))
	addAddress(s, ipv4.ProtocolNumber, tcpip.AddrFrom4([4]byte{10, 77, 0, 2}), 24)
	addAddress(s, ipv6.ProtocolNumber, tcpip.AddrFrom16([16]byte{0: 0xfd, 1: 0x77, 15: 2}), 64)
	s.SetRouteTable([]tcpip.Route{
		{Destination: header.IPv4EmptySubnet, NIC: nic},
		{Destination: header.IPv6EmptySubnet, NIC: nic},
	})
	return s
}

func addAddress(s *stack.Stack, protocol tcpip.NetworkProtocolNumber, address tcpip.Address, length int) {
	must(s.AddProtocolAddress(nic, tcpip.ProtocolAddress{
		Protocol:          protocol,
		AddressWithPrefix: tcpip.AddressWithPrefix{Address: address, PrefixLen: length},
	}, stack.AddressProperties{}))
}

func must(err tcpip.Error) {
	if err != nil {
		fail(1, "gvisor: %s", err)
	}
}

// Not gonet.ListenTCP: its backlog is 10, and crr opens 32 at a time.
func serve(s *stack.Stack, port uint16, handle func(*gonet.TCPConn)) {
	for _, protocol := range []tcpip.NetworkProtocolNumber{ipv4.ProtocolNumber, ipv6.ProtocolNumber} {
		var queue waiter.Queue
		endpoint, err := s.NewEndpoint(tcp.ProtocolNumber, protocol, &queue)
		must(err)
		endpoint.SocketOptions().SetV6Only(protocol == ipv6.ProtocolNumber)
		must(endpoint.Bind(tcpip.FullAddress{Port: port}))
		must(endpoint.Listen(backlog))
		listener := gonet.NewTCPListener(s, &queue, endpoint)
		go func() {
			for {
				connection, err := listener.Accept()
				if err != nil {
					fail(1, "gvisor: accept: %v", err)
				}
				go handle(connection.(*gonet.TCPConn))
			}
		}()
	}
}

func echo(connection *gonet.TCPConn) {
	defer connection.Close()
	bytes := make([]byte, 16*1024)
	for {
		n, err := connection.Read(bytes)
		if err != nil {
			return
		}
		if _, err := connection.Write(bytes[:n]); err != nil {
			return
		}
	}
}

func discard(connection *gonet.TCPConn) {
	defer connection.Close()
	bytes := make([]byte, chunk)
	for {
		if _, err := connection.Read(bytes); err != nil {
			return
		}
	}
}

func chargen(connection *gonet.TCPConn) {
	defer connection.Close()
	go io.Copy(io.Discard, connection) // the client's end-of-file, or it is never noticed
	for {
		if _, err := connection.Write(pattern); err != nil {
			return
		}
	}
}

func openTun(name string, offload bool) (int, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		return -1, err
	}
	flags := uint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if offload {
		flags |= unix.IFF_VNET_HDR
	}
	request.SetUint16(flags)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil || !offload {
		return fd, err
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TUNSETVNETHDRSZ, vnetBytes); err != nil {
		return -1, err
	}
	return fd, unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, unix.TUN_F_CSUM|unix.TUN_F_TSO4|unix.TUN_F_TSO6)
}
