/**
 * Scripts that are wrong in one place, made from one that is right. Each change is of the text, so that the parser is
 * tried with the rest. A mutant that lenient mode may overlook says so.
 */

export interface Mutant {
  /** What was changed, and where. */
  readonly what: string;
  readonly line: number;
  readonly text: string;
  /** Lenient mode compares it, too. */
  readonly lenient: boolean;
}

/** An outbound TCP packet: time, flags, sequence range, acknowledgment, window, options. */
const OUTBOUND =
  /^(?<time>[^`"%(]*?)>(?<prefix> *(?:[[(][^\])]*[\])])?) +(?<flags>[A-Z]*[.]?\d?|-) +(?<start>\d+):(?<end>\d+)\((?<length>\d+)\)(?<absolute>!?)(?: +ack +(?<ack>\d+))?(?: +win +(?<win>\d+))?(?<rest>.*)$/;

type Groups = Readonly<Record<string, string | undefined>>;

/** All mutants of `text`, in the order of its lines. */
export function mutantsOf(text: string): Mutant[] {
  const lines = text.split("\n");
  const outbound = lines.flatMap((line, index) => (OUTBOUND.test(stripComment(line)) ? [index] : []));
  const last = outbound.at(-1) ?? -1;
  const mutants: Mutant[] = [];
  for (const [index, line] of lines.entries()) {
    const changes = outbound.includes(index)
      ? packetChanges(stripComment(line), isLastOf(outbound, index, last))
      : otherChanges(line);
    for (const { what, to, lenient } of changes) {
      const changed = [...lines];
      changed[index] = to;
      mutants.push({
        what: `line ${index + 1}: ${what}`,
        line: index + 1,
        text: changed.join("\n"),
        lenient,
      });
    }
  }
  return mutants;
}

interface Change {
  readonly what: string;
  readonly to: string;
  readonly lenient: boolean;
}

function isLastOf(outbound: readonly number[], index: number, last: number): boolean {
  return outbound.includes(index) && index === last;
}

function stripComment(line: string): string {
  return line.replace(/\s*\/\/.*$/, "");
}

function packetChanges(line: string, isLast: boolean): Change[] {
  const groups = OUTBOUND.exec(line)!.groups as Groups;
  return [
    ...timeChanges(groups),
    ...numberChanges(groups),
    ...flagChanges(groups),
    ...optionChanges(groups),
    // Time passes as before. What is sent and not expected at the end is left over: only strict mode looks there.
    { what: "expectation removed", to: `${startOf(groups)}%{ pass }%`, lenient: !isLast },
    // At once: with a time to wait, a retransmission might do.
    {
      what: "expectation doubled",
      to: `${line}\n+0 ${build(groups, {}).replace(/^[^>]*/, "")}`,
      lenient: true,
    },
  ];
}

/** The time as an event that isn't a packet takes it: a range from its beginning. */
function startOf(groups: Groups): string {
  const time = groups["time"]!.trim().replace(/~.*$/, "").trim();
  return time === "*" ? "+0 " : `${time} `;
}

/** The line again with some of its parts replaced. */
function build(groups: Groups, changed: Groups): string {
  const part = { ...groups, ...changed };
  const ack = part["ack"] === undefined ? "" : ` ack ${part["ack"]}`;
  const win = part["win"] === undefined ? "" : ` win ${part["win"]}`;
  const range = `${part["start"]}:${part["end"]}(${part["length"]})${part["absolute"]}`;
  return `${part["time"]}>${part["prefix"]} ${part["flags"]} ${range}${ack}${win}${part["rest"]}`;
}

// A second is beyond any tolerance that a script of ours gives; an expectation without a time has none to change.
function timeChanges(groups: Groups): Change[] {
  const time = groups["time"]!.trim();
  const relative = /^\+([\d.]+)$/.exec(time);
  if (relative === null) return [];
  const seconds = Number(relative[1]);
  const later = { time: `+${(seconds * 1.3 + 1).toFixed(6)} ` };
  const changes = [{ what: "a second later", to: build(groups, later), lenient: true }];
  if (seconds >= 0.1) {
    const earlier = { time: `+${(seconds * 0.5).toFixed(6)} ` };
    changes.push({ what: "half the time", to: build(groups, earlier), lenient: true });
  }
  return changes;
}

function numberChanges(groups: Groups): Change[] {
  const changes: Change[] = [];
  const [start, end, length] = [groups["start"], groups["end"], groups["length"]].map(Number);
  const isSyn = groups["flags"]!.includes("S");
  // The first SYN's number is the script's own origin: any would do.
  if (!isSyn) {
    const shifted = { start: String(start! + 1), end: String(end! + 1) };
    changes.push({ what: "sequence number", to: build(groups, shifted), lenient: true });
  }
  const longer = { end: String(end! + 1), length: String(length! + 1) };
  changes.push({ what: "one octet longer", to: build(groups, longer), lenient: true });
  if (length! > 0) {
    const shorter = { end: String(end! - 1), length: String(length! - 1) };
    changes.push({ what: "one octet shorter", to: build(groups, shorter), lenient: true });
  }
  if (groups["ack"] !== undefined) {
    const ack = { ack: String(Number(groups["ack"]) + 1) };
    changes.push({ what: "acknowledgment", to: build(groups, ack), lenient: true });
  }
  if (groups["win"] !== undefined) {
    const win = Number(groups["win"]) === 0 ? 1 : Number(groups["win"]) - 1;
    changes.push({ what: "window", to: build(groups, { win: String(win) }), lenient: false });
  }
  return changes;
}

function flagChanges(groups: Groups): Change[] {
  const flags = groups["flags"]!;
  if (/\d|-/.test(flags)) return [];
  const toggled = (letter: string): string =>
    flags.includes(letter) ? flags.replace(letter, "") || "-" : `${letter}${flags}`;
  const changes = ["F", "R", "U", "E", "W"].map((letter) => ({
    what: `flag ${letter}`,
    to: build(groups, { flags: toggled(letter) }),
    lenient: true,
  }));
  if (flags.endsWith(".")) {
    const without = flags.slice(0, -1) || "-";
    changes.push({ what: "flag ACK", to: build(groups, { flags: without }), lenient: true });
  }
  changes.push({ what: "flag P", to: build(groups, { flags: toggled("P") }), lenient: false });
  return changes;
}

function optionChanges(groups: Groups): Change[] {
  const rest = groups["rest"]!;
  const list = /^\s*<([^>]*)>/.exec(rest);
  const to = (options: readonly string[]): string => {
    const text = options.length === 0 ? "" : ` <${options.join(",")}>`;
    return build(groups, { rest: list === null ? `${text}${rest}` : rest.replace(list[0], text) });
  };
  if (list?.[1] === "...") return [];
  const options = list === null ? [] : list[1]!.split(",").map((option) => option.trim());
  const isPadding = (option: string): boolean => option === "nop" || option === "eol";
  const changes: Change[] = [
    { what: "an option more", to: to([...options, "raw 99 0102"]), lenient: true },
    { what: "padding more", to: to(["nop", "nop", "nop", "nop", ...options]), lenient: false },
  ];
  for (const [index, option] of options.entries()) {
    const without = options.toSpliced(index, 1);
    changes.push({ what: `without ${option}`, to: to(without), lenient: !isPadding(option) });
    const changed = otherOption(option);
    if (changed !== null) {
      const lenient = !option.startsWith("wscale");
      changes.push({
        what: `${option} as ${changed}`,
        to: to(options.toSpliced(index, 1, changed)),
        lenient,
      });
    }
  }
  const swapped = [...options.slice(1), ...options.slice(0, 1)];
  if (new Set(options).size > 1) changes.push({ what: "another order", to: to(swapped), lenient: false });
  return changes.filter(({ to: line }) => sizeOf(line) <= 40);
}

/** The same option with another value; null for one without, and for TS, whose value may run free of the script. */
function otherOption(option: string): string | null {
  const plain = /^(mss|wscale) (\d+)$/.exec(option);
  if (plain !== null) return `${plain[1]} ${Number(plain[2]) + 1}`;
  const stamps = /^TS val (\S+) ecr (\d+)$/.exec(option);
  // An ecr of 0 is a SYN's: nothing to echo.
  if (stamps !== null && stamps[2] !== "0") return `TS val ${stamps[1]} ecr ${Number(stamps[2]) + 1}`;
  const sack = /^sack (\d+):(.*)$/.exec(option);
  return sack === null ? null : `sack ${Number(sack[1]) + 1}:${sack[2]}`;
}

// Near enough: what doesn't fit in a header is no mutant but an error of syntax.
function sizeOf(line: string): number {
  const list = /<([^>]*)>[^<>]*$/.exec(line)?.[1] ?? "";
  const sizes: Readonly<Record<string, number>> = { mss: 4, wscale: 3, sackOK: 2, TS: 10, nop: 1, eol: 1 };
  return list.split(",").reduce((sum, option) => {
    const [name = "", ...words] = option.trim().split(" ");
    if (name === "sack") return sum + 2 + 8 * words.length;
    return sum + (sizes[name] ?? 2 + (words.at(-1)?.length ?? 0) / 2);
  }, 0);
}

/** Calls that give a descriptor: which is the script's to choose. */
const DESCRIPTORS = /\b(?:socket|accept|accept4|open|dup|epoll_create|epoll_create1|pipe)\(/;

function otherChanges(line: string): Change[] {
  const code = stripComment(line);
  const call = /^(.*\b\w+\(.*\) = )(-?\d+)(.*)$/.exec(code);
  if (call !== null && !/[`%]/.test(code) && !DESCRIPTORS.test(code)) return resultChanges(call);
  const assertion = /^(.*%\{ assert [^=!<>,]*)(==)([^=]*\}%.*)$/.exec(code);
  if (assertion === null || /\b(?:and|or|not)\b/.test(code)) return [];
  return [{ what: "assertion turned", to: `${assertion[1]}!=${assertion[3]}`, lenient: true }];
}

function resultChanges(call: RegExpExecArray): Change[] {
  const [, head, result, tail] = call;
  const error = /^ (E[A-Z]+)/.exec(tail!);
  if (error === null) {
    return [{ what: "result", to: `${head}${Number(result) + 1}${tail}`, lenient: true }];
  }
  const other = error[1] === "EPIPE" ? "ECONNRESET" : "EPIPE";
  return [
    { what: "error", to: `${head}${result} ${other}`, lenient: true },
    { what: "no error", to: `${head}0`, lenient: true },
  ];
}
