/** npm `ip-packet` 2 ships no types: what bench and tests use of it. */
declare module "ip-packet" {
  interface State {
    start: number;
    end: number;
    buffer: Buffer;
  }
  interface Packet {
    version: number;
    ihl: number;
    dscp: number;
    ecn: number;
    length: number;
    identification: number;
    flags: number;
    fragmentOffset: number;
    ttl: number;
    protocol: number;
    sourceIp: string;
    destinationIp: string;
    checksum: number;
    data: Buffer;
  }
  const ip: { decode(state: State): Packet; checksum(packet: Uint8Array): number };
  export default ip;
}
