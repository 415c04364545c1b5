package main

import (
	"encoding/binary"
	"os"
	"sync"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/rawfile"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/stopfd"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

const (
	vnetBytes = 12      // struct virtio_net_hdr_mrg_rxbuf
	readBytes = 1 << 16 // holds the largest packet
	copyBelow = 2048    // a smaller packet must not hold a whole read buffer
	gsoBytes  = 1 << 16
	maxParts  = 64
)

// Of linux/virtio_net.h.
const (
	needsChecksum = 1
	gsoTCPv4      = 1
	gsoTCPv6      = 4
)

// gsoLink is a link endpoint on a TUN device with offload: super-segments of up to 64 KiB both ways, and nobody sums.
type gsoLink struct {
	fd         int
	mtu        uint32
	stop       stopfd.StopFD
	mu         sync.RWMutex
	dispatcher stack.NetworkDispatcher
}

var _ stack.LinkEndpoint = (*gsoLink)(nil)
var _ stack.GSOEndpoint = (*gsoLink)(nil)

func newGsoLink(fd int, mtu uint32) *gsoLink {
	stop, err := stopfd.New()
	if err != nil {
		fail(1, "gvisor: %v", err)
	}
	return &gsoLink{fd: fd, mtu: mtu, stop: stop}
}

func (l *gsoLink) GSOMaxSize() uint32                      { return gsoBytes }
func (l *gsoLink) SupportedGSO() stack.SupportedGSO        { return stack.HostGSOSupported }
func (l *gsoLink) MTU() uint32                             { return l.mtu }
func (l *gsoLink) SetMTU(mtu uint32)                       { l.mtu = mtu }
func (l *gsoLink) MaxHeaderLength() uint16                 { return 0 }
func (l *gsoLink) LinkAddress() tcpip.LinkAddress          { return "" }
func (l *gsoLink) SetLinkAddress(tcpip.LinkAddress)        {}
func (l *gsoLink) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareNone }
func (l *gsoLink) AddHeader(*stack.PacketBuffer)           {}
func (l *gsoLink) ParseHeader(*stack.PacketBuffer) bool    { return true }
func (l *gsoLink) Wait()                                   {}
func (l *gsoLink) Close()                                  {}
func (l *gsoLink) SetOnCloseAction(func())                 {}

// Capabilities: not for transmission, or segments without GSO options (a SYN's) would leave without any checksum.
func (l *gsoLink) Capabilities() stack.LinkEndpointCapabilities {
	return stack.CapabilityRXChecksumOffload
}

func (l *gsoLink) IsAttached() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.dispatcher != nil
}

func (l *gsoLink) Attach(dispatcher stack.NetworkDispatcher) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dispatcher == nil && dispatcher != nil {
		go l.read(dispatcher)
	}
	l.dispatcher = dispatcher
}

func (l *gsoLink) read(dispatcher stack.NetworkDispatcher) {
	vnet := make([]byte, vnetBytes)
	var view *buffer.View
	for {
		if view == nil {
			view = buffer.NewViewSize(readBytes)
		}
		parts := []unix.Iovec{rawfile.IovecFromBytes(vnet), rawfile.IovecFromBytes(view.AsSlice())}
		n, errno := rawfile.BlockingReadvUntilStopped(l.stop.EFD, l.fd, parts)
		if errno != 0 {
			os.Stderr.WriteString("gvisor: read: " + errno.Error() + "\n")
			os.Exit(1)
		}
		length := n - vnetBytes
		if length <= 0 {
			continue
		}
		var packet *buffer.View
		if length < copyBelow {
			packet = buffer.NewViewWithData(view.AsSlice()[:length])
		} else {
			packet, view = view, nil
			packet.CapLength(length)
		}
		deliver(dispatcher, packet)
	}
}

func deliver(dispatcher stack.NetworkDispatcher, bytes *buffer.View) {
	protocol := header.IPv4ProtocolNumber
	if bytes.AsSlice()[0]>>4 == 6 {
		protocol = header.IPv6ProtocolNumber
	}
	packet := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithView(bytes)})
	packet.RXChecksumValidated = true
	dispatcher.DeliverNetworkPacket(protocol, packet)
	packet.DecRef()
}

func (l *gsoLink) WritePackets(packets stack.PacketBufferList) (int, tcpip.Error) {
	for i, packet := range packets.AsSlice() {
		if err := l.write(packet); err != nil {
			return i, err
		}
	}
	return packets.Len(), nil
}

func (l *gsoLink) write(packet *stack.PacketBuffer) tcpip.Error {
	var vnet [vnetBytes]byte
	var room [maxParts]unix.Iovec
	fillVnet(&vnet, packet)
	parts := rawfile.AppendIovecFromBytes(room[:0], vnet[:], maxParts)
	for _, bytes := range packet.AsSlices() {
		parts = rawfile.AppendIovecFromBytes(parts, bytes, maxParts)
	}
	if errno := rawfile.NonBlockingWriteIovec(l.fd, parts); errno != 0 {
		return tcpip.TranslateErrno(errno)
	}
	return nil
}

func fillVnet(vnet *[vnetBytes]byte, packet *stack.PacketBuffer) {
	gso := packet.GSOOptions
	if gso.Type == stack.GSONone {
		return
	}
	binary.NativeEndian.PutUint16(vnet[2:], uint16(packet.HeaderSize()))
	if gso.NeedsCsum {
		vnet[0] = needsChecksum
		binary.NativeEndian.PutUint16(vnet[6:], gso.L3HdrLen)
		binary.NativeEndian.PutUint16(vnet[8:], gso.CsumOffset)
	}
	if packet.Data().Size() <= int(gso.MSS) {
		return
	}
	vnet[1] = gsoTCPv4
	if gso.Type == stack.GSOTCPv6 {
		vnet[1] = gsoTCPv6
	}
	binary.NativeEndian.PutUint16(vnet[4:], gso.MSS)
}
