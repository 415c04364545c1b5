import { describe, expect, it } from "vitest";
import { ACCEPTED, run } from "./scripts.ts";

const CONNECTING = `
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
+0 > S 0:0(0) <...>
`;

describe("system calls", () => {
  it.each([
    ["a second connect says EALREADY", "+0 connect(3, ..., ...) = -1 EALREADY (...)\n"],
    ["SO_ERROR is 0 while connecting", "+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0\n"],
    [
      "a reset refuses (RFC 9293 3.10.7.3)",
      "+.1 < R. 0:0(0) ack 1 win 0\n+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0\n",
    ],
    [
      "poll waits for the handshake",
      "+0...0.1 poll([{fd=3, events=POLLOUT, revents=POLLOUT}], 1, 1000) = 1\n+.1 < S. 0:0(0) ack 1 win 9 <mss 1460>\n+0 > . 1:1(0) ack 1\n",
    ],
  ])("connect, non-blocking: %s", (_, rest) => {
    expect(run(CONNECTING + rest)).toMatchObject({ status: "pass" });
  });

  it.each([
    [
      "read without data says EAGAIN",
      "+0 fcntl(4, F_SETFL, O_NONBLOCK) = 0\n+0 read(4, ..., 9) = -1 EAGAIN (...)\n",
    ],
    [
      "MSG_PEEK leaves what it shows, SIOCINQ counts it",
      "+0 < P. 1:11(10) ack 1 win 512\n+0 recv(4, ..., 9, MSG_PEEK) = 9\n+0 ioctl(4, SIOCINQ, [10]) = 0\n+0 read(4, ..., 99) = 10\n",
    ],
    ["end of file reads 0", "+0 < F. 1:1(0) ack 1 win 512\n+0 read(4, ..., 9) = 0\n"],
    [
      "write after shutdown says EPIPE",
      "+0 shutdown(4, SHUT_WR) = 0\n+0 write(4, ..., 9) = -1 EPIPE (...)\n",
    ],
    [
      "a reset is told once, then end of file",
      "+0 < R. 1:1(0) ack 1 win 0\n+0 read(4, ..., 9) = -1 ECONNRESET (...)\n+0 read(4, ..., 9) = 0\n",
    ],
    ["a closed descriptor is bad", "+0 close(4) = 0\n+0 read(4, ..., 9) = -1 EBADF (...)\n"],
    [
      "SO_LINGER 0 resets",
      "+0 setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0\n+0 close(4) = 0\n+0 > R. 1:1(0) ack 1\n",
    ],
    [
      "TCP_CORK holds what is not full, until uncorked",
      "+0 setsockopt(4, SOL_TCP, TCP_CORK, [1], 4) = 0\n+0 write(4, ..., 400) = 400\n+.01 setsockopt(4, SOL_TCP, TCP_CORK, [0], 4) = 0\n+0 > P. 1:401(400) ack 1\n",
    ],
    [
      "epoll reports an edge once",
      "+0 epoll_create(1) = 5\n+0 epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLOUT|EPOLLET, fd=4}) = 0\n+0 epoll_wait(5, {events=EPOLLOUT, fd=4}, 1, 0) = 1\n+0 epoll_wait(5, {}, 1, 0) = 0\n",
    ],
  ])("%s", (_, rest) => {
    expect(run(ACCEPTED + rest)).toMatchObject({ status: "pass" });
  });

  it("an outcome that is not the script's fails at the call's line", () => {
    const verdict = run(`${ACCEPTED}+0 write(4, ..., 10) = 11\n`);
    expect(verdict).toMatchObject({ status: "fail", line: 9 });
    expect(verdict.message).toContain("returned 10, not 11");
  });

  it("what is not known is unsupported, and no pass", () => {
    expect(run(`${ACCEPTED}+0 frobnicate(4) = 0\n`)).toMatchObject({ status: "unsupported", line: 9 });
    expect(run(`${ACCEPTED}+0 setsockopt(4, SOL_TCP, TCP_WHAT, [1], 4) = 0\n`).status).toBe("unsupported");
    expect(run(`${ACCEPTED}+0 \`sysctl -q net.ipv4.tcp_frobnication=1\`\n`).status).toBe("unsupported");
    expect(run(`${ACCEPTED}+0 %{ assert tcpi_frobnication == 0 }%\n`).status).toBe("unsupported");
  });
});

describe("profiles", () => {
  it("FreeBSD rounds the receive buffer up to segments, Linux tells twice its half", () => {
    const text = (size: number): string => `
 0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 <mss 1460>
+0 > S. 0:0(0) ack 1 <mss 1460>
+0 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
+0 getsockopt(4, SOL_SOCKET, SO_RCVBUF, [${size}], [4]) = 0
`;
    expect(run(text(65_700), "lenient", "freebsd").status).toBe("pass");
    expect(run(text(540_000), "lenient", "linux").status).toBe("pass");
  });

  it("IPv6 is the same in other packets", () => {
    const text = `--ip_version=ipv6\n${CONNECTING}+.1 < S. 0:0(0) ack 1 win 9 <mss 1440>\n+0 > . 1:1(0) ack 1\n`;
    expect(run(text, "strict").status).toBe("pass");
  });
});
