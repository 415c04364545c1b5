import { describe, expect, it } from "vitest";
import {
  formatReply,
  formatRequest,
  isRequest,
  LineReader,
  parseReply,
  parseRequest,
} from "../../../src/cli/control-protocol.ts";

describe("control requests", () => {
  it("go through a line unchanged", () => {
    const request = { id: 7, method: "connect", params: { host: "10.77.0.1", port: 80 } };
    expect(parseRequest(formatRequest(request))).toEqual(request);
  });

  it("need no params", () => {
    expect(parseRequest('{"v":1,"id":"a","method":"version"}')).toEqual({
      id: "a",
      method: "version",
      params: {},
    });
  });

  it.each([
    ["not JSON", "hello", null, "EPROTO"],
    ["an array", "[1]", null, "EPROTO"],
    ["null", "null", null, "EPROTO"],
    ["no version", '{"id":1,"method":"version"}', 1, "EVERSION"],
    ["another version", '{"v":2,"id":1,"method":"version"}', 1, "EVERSION"],
    ["no id", '{"v":1,"method":"version"}', null, "EPROTO"],
    ["an id that is an object", '{"v":1,"id":{},"method":"version"}', null, "EPROTO"],
    ["no method", '{"v":1,"id":3}', 3, "EPROTO"],
    ["params that are an array", '{"v":1,"id":3,"method":"m","params":[]}', 3, "EPROTO"],
  ])("that are %s are refused with a code", (_, line, id, code) => {
    const refused = parseRequest(line);
    expect(isRequest(refused)).toBe(false);
    expect(refused).toMatchObject({ id, error: { code } });
  });
});

describe("control replies", () => {
  it("go through a line unchanged", () => {
    expect(parseReply(formatReply({ id: 1, result: { a: 1 } }))).toEqual({ id: 1, result: { a: 1 } });
    const error = { code: "ECONNREFUSED", message: "connect ECONNREFUSED 10.77.0.1:81" };
    expect(parseReply(formatReply({ id: null, error }))).toEqual({ id: null, error });
  });

  it.each(["HTTP/1.1 400 Bad Request", '{"v":2,"id":1}', '{"v":1,"id":[]}', '{"v":1,"id":1,"error":"no"}'])(
    "that are none are told apart: %s",
    (line) => {
      expect(parseReply(line)).toBeNull();
    },
  );
});

describe("LineReader", () => {
  it("cuts lines out of chunks however they fall", () => {
    const text = "first\nsecond\r\n\nlast";
    for (let size = 1; size <= text.length; size++) {
      const reader = new LineReader(100);
      const lines: string[] = [];
      for (let at = 0; at < text.length; at += size) {
        reader.push(Buffer.from(text.slice(at, at + size)));
        for (let line = reader.next(); line !== null; line = reader.next()) lines.push(line);
      }
      expect(lines).toEqual(["first", "second", ""]);
      expect(reader.take().toString()).toBe("last");
      expect(reader.length).toBe(0);
    }
  });

  it("says when a line is too long", () => {
    const reader = new LineReader(4);
    reader.push(Buffer.from("abcd"));
    expect(reader.overlong).toBe(false);
    reader.push(Buffer.from("e"));
    expect(reader.overlong).toBe(true);
  });
});
