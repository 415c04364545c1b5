import { describe, expect, test } from "vitest";
import type { Expression } from "../../../../src/sim/packetdrill/ast.ts";
import { parseCallLine, refusal } from "./parse.ts";

function argument(text: string): Expression {
  return parseCallLine(`f(${text}) = 0`).arguments[0]!;
}

describe("calls", () => {
  test("a call has a name, arguments and a result", () => {
    expect(parseCallLine("setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0")).toMatchObject({
      line: 1,
      name: "setsockopt",
      arguments: [
        { kind: "integer", value: 3 },
        { kind: "symbol", name: "SOL_SOCKET" },
        { kind: "symbol", name: "SO_REUSEADDR" },
        { kind: "array", items: [{ kind: "integer", value: 1 }] },
        { kind: "integer", value: 4 },
      ],
      result: { kind: "integer", value: 0 },
      error: null,
      note: null,
    });
    expect(parseCallLine("fork() = 1").arguments).toEqual([]);
  });

  test("an error has a name and the system's text for it", () => {
    expect(parseCallLine("connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)")).toMatchObject({
      result: { kind: "integer", value: -1 },
      error: { name: "EINPROGRESS", text: "Operation now in progress" },
      note: null,
    });
    expect(
      parseCallLine("bind(3, ..., ...) = -1 EADDRNOTAVAIL (Can't assign requested address)").error,
    ).toEqual({
      name: "EADDRNOTAVAIL",
      text: "Can't assign requested address",
    });
    expect(parseCallLine("read(3, ..., 1) = -1 EAGAIN").error).toEqual({ name: "EAGAIN", text: null });
    expect(refusal("0 read(3, ..., 1) = -1 sometimes").reason).toContain("expected the name of an error");
  });

  test("a note behind the result is kept and means nothing", () => {
    expect(parseCallLine("fcntl(3, F_GETFL) = 0x2 (flags O_RDWR|O_NONBLOCK)")).toMatchObject({
      result: { kind: "integer", value: 2, text: "0x2" },
      error: null,
      note: "flags O_RDWR|O_NONBLOCK",
    });
    expect(parseCallLine("close(3) = 0 ()").note).toBe("");
    expect(refusal("0 close(3) = 0 (never").reason).toContain("expected ')'");
  });

  test("a result may be left open, or be a symbol", () => {
    expect(parseCallLine("read(3, ..., 1) = ...").result).toMatchObject({ kind: "ellipsis" });
    expect(parseCallLine("poll(a, 1, 0) = POLLIN|POLLOUT").result).toMatchObject({ kind: "or" });
  });

  test("what isn't whole is refused at its place", () => {
    expect(refusal("0 read(3, = 1").message).toBe("a.pkt:1:11: expected a value, found '='");
    expect(refusal("0 read(3 4) = 1").message).toBe("a.pkt:1:10: expected ',' or ')', found a number (4)");
    expect(refusal("0 ... read(3) = 1").message).toContain("expected a time in seconds");
    expect(refusal(`0 f(${"[".repeat(100)}`).reason).toContain("at most 64 levels of nesting");
  });
});

describe("values", () => {
  test("integers are decimal or hexadecimal, signed, and keep their text", () => {
    expect(argument("-1")).toMatchObject({ kind: "integer", value: -1 });
    expect(argument("0xFFFFFFFF")).toMatchObject({ value: 4_294_967_295, text: "0xFFFFFFFF" });
  });

  test("strings resolve C's escapes, join their neighbours, and may be left open", () => {
    expect(argument('"a\\n\\x00\\"" "b"')).toMatchObject({
      kind: "string",
      value: 'a\n\0"b',
      truncated: false,
    });
    expect(argument('"abc"...')).toMatchObject({ value: "abc", truncated: true });
    expect(refusal('0 f("\\q") = 0').reason).toContain("an escape of C's");
  });

  test("flags are joined by '|', spaced or not", () => {
    for (const text of ["O_RDWR|O_NONBLOCK|1", "O_RDWR | O_NONBLOCK | 1"]) {
      expect(argument(text)).toMatchObject({
        kind: "or",
        terms: [{ name: "O_RDWR" }, { name: "O_NONBLOCK" }, { value: 1 }],
      });
    }
  });

  test("a socket address is a struct with calls in it", () => {
    expect(
      argument('{sa_family = AF_INET, sin_port = htons(8080), sin_addr = inet_addr("192.0.2.1")}'),
    ).toMatchObject({
      kind: "struct",
      fields: [
        { name: "sa_family", count: null, value: { kind: "symbol", name: "AF_INET" } },
        { name: "sin_port", value: { kind: "call", name: "htons", arguments: [{ value: 8080 }] } },
        { name: "sin_addr", value: { kind: "call", arguments: [{ kind: "string", value: "192.0.2.1" }] } },
      ],
    });
  });

  test("poll, epoll and linger structs", () => {
    expect(argument("[{fd=4, events=POLLIN|POLLOUT, revents=POLLOUT}]")).toMatchObject({
      items: [{ fields: [{ name: "fd" }, { name: "events", value: { kind: "or" } }, { name: "revents" }] }],
    });
    expect(argument("{events=EPOLLIN, ptr=0x4}")).toMatchObject({
      fields: [{ name: "events" }, { name: "ptr", value: { value: 4 } }],
    });
    expect(argument("{onoff=1, linger=0}")).toMatchObject({
      fields: [{ name: "onoff" }, { name: "linger" }],
    });
  });

  test("a message header has counts behind its names, and vectors by position", () => {
    const text = "{msg_name(...)=..., msg_iov(2)=[{..., 600},{...,400}], msg_flags=0}";
    expect(argument(text)).toMatchObject({
      fields: [
        { name: "msg_name", count: { kind: "ellipsis" }, value: { kind: "ellipsis" } },
        {
          name: "msg_iov",
          count: { value: 2 },
          value: {
            kind: "array",
            items: [
              {
                fields: [
                  { name: null, value: { kind: "ellipsis" } },
                  { name: null, value: { value: 600 } },
                ],
              },
              { fields: [{ name: null }, { value: { value: 400 } }] },
            ],
          },
        },
        { name: "msg_flags", value: { value: 0 } },
      ],
    });
  });

  test("control messages nest, and an empty list or struct is one", () => {
    expect(argument("{cmsg_level=SOL_IP, cmsg_type=IP_TOS, cmsg_data=[7]}")).toMatchObject({
      fields: [{ name: "cmsg_level" }, { name: "cmsg_type" }, { name: "cmsg_data" }],
    });
    expect(argument("[]")).toMatchObject({ kind: "array", items: [] });
    expect(argument("{}")).toMatchObject({ kind: "struct", fields: [] });
  });

  test("FreeBSD's structs", () => {
    expect(argument('{function_set_name="rack", pcbcnt=...}')).toMatchObject({
      fields: [
        { name: "function_set_name", value: { value: "rack" } },
        { name: "pcbcnt", value: { kind: "ellipsis" } },
      ],
    });
    expect(argument("{iov_base=..., iov_len=100}")).toMatchObject({
      fields: [{ name: "iov_base" }, { name: "iov_len" }],
    });
  });

  test("a named value outside a struct", () => {
    expect(argument("[TCP_FASTOPEN=1]")).toMatchObject({
      items: [{ kind: "assign", name: "TCP_FASTOPEN", value: { value: 1 } }],
    });
  });
});
