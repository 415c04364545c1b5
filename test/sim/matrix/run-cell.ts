/** Runs one cell of the loss matrix: bulk text from one host to another over one bottleneck, in virtual time. */
import { MS, SECOND } from "../../../src/base/time.ts";
import { World } from "../../../src/sim/world.ts";
import type { Connection } from "../../../src/stack/connection.ts";
import { type CongestionName, isCongestionName } from "../../../src/tcp/congestion/congestion.ts";
import { bdp, type Cell } from "./cells.ts";

/** What came of it. */
export interface CellResult {
  readonly name: string;
  /** Text that arrived in the measured time as a share of what the path can carry. */
  readonly goodput: number;
  /** Jain's index of the flows' goodputs; 1 for one flow. */
  readonly fairness: number;
  /** Text sent again, and packets dropped at the buffer, as shares of what was sent. */
  readonly again: number;
  readonly dropped: number;
  /** Packets over the bottleneck, and real microseconds for each. */
  readonly packets: number;
  readonly usPerPacket: number;
}

const MTU = 1_500;
/** IPv4, TCP and timestamps. */
const HEADERS = 52;
/**
 * No buffer is smaller than four packets: at 10^7 bit/s and 1 ms a BDP is less than one, and fast retransmit needs three
 * segments behind a lost one.
 */
const BUFFER_MIN = 4 * MTU;

/** Runs `cell` for `seconds` of virtual time and measures the last `measured` of them. */
export function runCell(cell: Cell, seconds = 180, measured = 120): CellResult {
  if (!isCongestionName(cell.congestion)) throw new Error(`${cell.congestion} is no congestion control here`);
  const started = performance.now();
  const world = new World(seedOf(cell.name), { assertions: false });
  const { link, sender, receiver } = network(world, cell, cell.congestion);
  const arrived = new Float64Array(cell.flows);
  receiver.stack.listen(
    { port: 80, backlog: cell.flows },
    {
      onConnection(connection) {
        const i = connection.remotePort - FIRST_PORT;
        connection.handler = {
          onData: (_, bytes) => {
            arrived[i]! += bytes.length;
          },
        };
      },
    },
  );
  const clients: Connection[] = [];
  const block = new Uint8Array(65_536);
  const fill = (connection: Connection): void => {
    while (connection.send(block));
  };
  for (let i = 0; i < cell.flows; i++) {
    // Flows start within a second, so that none owes its share to the order of their names.
    world.after(cell.flows > 1 ? world.random.float() * SECOND : 0, () => {
      const options = { host: "10.0.0.2", port: 80, localPort: FIRST_PORT + i };
      clients.push(sender.stack.connect(options, { onConnect: fill, onDrain: fill }));
    });
  }
  world.run((seconds - measured) * SECOND);
  const before = arrived.slice();
  world.run(measured * SECOND);

  const shares = Array.from(arrived, (bytes, i) => bytes - before[i]!);
  const sum = shares.reduce((a, b) => a + b, 0);
  const squares = shares.reduce((a, b) => a + b * b, 0);
  const limit = (cell.rate / 8) * measured * ((MTU - HEADERS) / MTU);
  const { packets, overflowed } = link.statistics;
  const infos = clients.map((client) => client.info());
  const sentBytes = infos.reduce((n, info) => n + info.bytes_sent, 0);
  const againBytes = infos.reduce((n, info) => n + info.bytes_retrans, 0);
  return {
    name: cell.name,
    goodput: sum / limit,
    fairness: squares === 0 ? 0 : (sum * sum) / (cell.flows * squares),
    again: againBytes / sentBytes,
    dropped: overflowed / packets,
    packets,
    usPerPacket: ((performance.now() - started) * 1_000) / packets,
  };
}

const FIRST_PORT = 20_000;

function network(world: World, cell: Cell, congestion: CongestionName) {
  const volume = bdp(cell);
  // At least 4 BDP, and what the buffer holds besides.
  const socket = Math.ceil(Math.max(1 << 20, (5 + cell.buffer) * volume));
  const tcp = {
    congestion,
    sendBuffer: socket,
    sendBufferMax: socket,
    receiveBuffer: socket,
    receiveBufferMax: socket,
  };
  const sender = world.host({ addresses: ["10.0.0.1/24"], carriesText: false, tcp });
  const receiver = world.host({ addresses: ["10.0.0.2/24"], carriesText: false, tcp });
  const delay = (cell.rttMs * MS) / 2;
  const late = (cell.rttMs * MS) / 4;
  const wire = world.link(
    sender,
    receiver,
    {
      delay,
      rate: cell.rate,
      queue: Math.max(BUFFER_MIN, cell.buffer * volume),
      loss: cell.loss / 100,
      reorder: cell.reorder / 100,
      reorderAtLeast: late,
      reorderBy: late,
      mtu: MTU,
    },
    { delay },
  );
  return { link: wire.there, sender, receiver };
}

/** FNV-1a of the name. */
function seedOf(name: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  return h;
}
