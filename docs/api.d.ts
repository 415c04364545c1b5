// usertcp
export declare class ArgumentError extends RangeError {
    readonly code: string;
    constructor(name: string, takes: string, got: unknown, code?: string);
}
export type ErrorCode = keyof typeof ERRNO;
export declare class NetworkError extends Error {
    readonly code: ErrorCode;
    readonly errno: number;
    readonly syscall: Syscall;
    readonly address?: string;
    readonly port?: number;
    constructor(code: ErrorCode, syscall: Syscall, address?: string, port?: number);
}
export interface Device {
    readonly name: string;
    readonly mtu: number;
    readonly offload: boolean;
    start(receiver: DeviceReceiver): void;
    send(batch: TransmitBatch): number;
    ref(): void;
    unref(): void;
    close(): Promise<void>;
}
export interface DeviceReceiver {
    onPackets(batch: ReceiveBatch): void;
    onClose(error: Error | null): void;
}
export declare function duplexDevice(duplex: Duplex, options?: DuplexOptions): DuplexDevice;
export declare function createPipe(options?: PipeOptions): [Device, Device];
export declare class TunDevice implements Device {
    readonly name: string;
    readonly mtu: number;
    readonly offload: boolean;
    constructor(options: TunOptions);
    get counters(): TunCounters;
    start(receiver: DeviceReceiver): void;
    send(batch: TransmitBatch): number;
    steer(key: number, multiplier: number): void;
    ref(): void;
    unref(): void;
    close(): Promise<void>;
}
export interface TunOptions {
    name?: string;
    mtu?: number;
    addresses?: readonly string[];
    offload?: boolean;
    multiQueue?: boolean;
    spinUs?: number;
    up?: boolean;
    txQueueLength?: number;
}
export declare function openTun(options?: TunOptions): TunDevice;
export interface CreateShardsOptions extends Omit<CreateStackOptions, "device" | "inTurns"> {
    readonly queues: number;
    readonly steering?: "auto" | "bpf" | "kernel";
    readonly workerData?: unknown;
}
export interface RunningShards {
    readonly device: DeviceFacts;
    readonly steering: "bpf" | "kernel";
    readonly workers: readonly Worker[];
    snapshot(options?: {
        info?: boolean;
    }): Promise<StackSnapshot>;
    capture(tap: CaptureTap): () => void;
    readonly captureLost: number;
    close(): Promise<void>;
    readonly closed: Promise<Error | null>;
}
export declare function createShards(program: string | URL, options: CreateShardsOptions): Promise<RunningShards>;
export type CaptureTap = (direction: "in" | "out", bytes: Uint8Array, offset: number, length: number, timeUs: number) => void;
export interface CreateStackOptions {
    readonly tun?: string | TunOptions;
    readonly device?: Device;
    readonly addresses: readonly string[];
    readonly mssClamp?: number;
    readonly bigTcp?: boolean;
    readonly tcp?: Partial<TcpConfig>;
    readonly inTurns?: boolean;
}
export interface RunningStack {
    readonly stack: Stack;
    readonly device: Device;
    listen(options: ListenOptions, handler: ListenerHandler): Listener;
    connect(options: ConnectOptions, handler: ConnectionHandler): Connection;
    snapshot(options?: {
        info?: boolean;
    }): StackSnapshot;
    capture(tap: CaptureTap): () => void;
    ref(): void;
    unref(): void;
    close(): Promise<void>;
    readonly closed: Promise<Error | null>;
}
export declare function createStack(options: CreateStackOptions): RunningStack;
export interface RunningShard extends RunningStack {
    readonly index: number;
    readonly count: number;
    readonly workerData: unknown;
    snapshotAll(options?: {
        info?: boolean;
    }): Promise<StackSnapshot>;
}
export declare function joinShard(): Promise<RunningShard>;
export interface ListenOptions {
    readonly host?: string;
    readonly port: number | "any";
    readonly backlog?: number;
    readonly reuseAddr?: boolean;
    readonly congestion?: CongestionName;
    readonly fastOpen?: number;
    readonly settings?: ConnectionSettings;
    readonly ipv6Only?: boolean;
}
export interface ConnectOptions extends ConnectionSettings {
    readonly host: string;
    readonly port: number;
    readonly localAddress?: string;
    readonly localPort?: number;
    readonly fastOpen?: Uint8Array | boolean;
    readonly congestion?: CongestionName;
}
export declare class Connection {
    context: unknown;
    readonly id: number;
    constructor(stack: Stack, tcb: Tcb, id: number, handler: ConnectionHandler, accepted: boolean);
    get handler(): ConnectionHandler;
    set handler(handler: ConnectionHandler);
    get family(): 4 | 6;
    get localAddress(): string;
    get localPort(): number;
    get remoteAddress(): string;
    get remotePort(): number;
    get state(): StateName;
    get error(): ErrorCode | null;
    get sendQueue(): number;
    get receiveQueue(): number;
    get synRoom(): number;
    get bytesAcked(): number;
    get bytesReceived(): number;
    send(bytes: Uint8Array, copy?: boolean): boolean;
    sendUrgent(bytes: Uint8Array): boolean;
    receiveUrgent(): number | null;
    get atMark(): boolean;
    read(max?: number): Uint8Array | null;
    pause(): void;
    resume(): void;
    end(): void;
    close(): void;
    abort(): void;
    setNoDelay(on: boolean): void;
    setKeepAlive(on: boolean, idleMs?: number, intervalMs?: number, count?: number): void;
    set(settings: ConnectionSettings): void;
    setUserTimeout(ms: number): void;
    setLinger(ms: number | null): void;
    setCongestion(name: CongestionName): void;
    info(): TcpInfo;
    accepted(): void;
    failed(error: ErrorCode | null): void;
    deliver(): void;
}
export interface ConnectionHandler {
    onConnect?(connection: Connection): void;
    onUrgent?(connection: Connection): void;
    onData?(connection: Connection, bytes: Uint8Array): void;
    borrowsData?: boolean;
    sendsCopies?: boolean;
    onEnd?(connection: Connection): void;
    onDrain?(connection: Connection): void;
    onFinish?(connection: Connection): void;
    onTrouble?(connection: Connection, error: NetworkError): void;
    onClose?(connection: Connection, error: NetworkError | null): void;
}
export interface ListenerHandler {
    onConnection?(connection: Connection, listener: Listener): void;
    onSyn?(flow: SynFlow): SynVerdict;
    onClose?(listener: Listener): void;
}
export interface SynFlow {
    readonly family: 4 | 6;
    readonly localAddress: string;
    readonly localPort: number;
    readonly remoteAddress: string;
    readonly remotePort: number;
    accept(): boolean;
    refuse(code?: "ECONNREFUSED" | "EHOSTUNREACH" | "ENETUNREACH"): boolean;
}
export type SynVerdict = "accept" | "refuse" | "hold";
export interface ListenerStats {
    synQueue: number;
    synQueueMax: number;
    acceptQueue: number;
    backlog: number;
    accepted: number;
    acceptOverflows: number;
    synDrops: number;
    cookiesSent: number;
    cookiesRecv: number;
    cookiesFailed: number;
}
export interface SocketRow {
    id: number;
    family: 4 | 6;
    state: StateName;
    localAddress: string;
    localPort: number;
    remoteAddress: string;
    remotePort: number;
    recvQ: number;
    sendQ: number;
    timer: TimerRow | null;
    info: TcpInfo | null;
    listener: ListenerStats | null;
    v6Only?: boolean;
}
export interface StackSnapshot {
    now: number;
    interfaces: {
        name: string;
        mtu: number;
        addresses: string[];
    }[];
    sockets: SocketRow[];
    counters: Record<string, number>;
    drops: Record<string, number>;
}
export interface TcpInfo {
    state: StateName;
    ca_state: number;
    retransmits: number;
    probes: number;
    backoff: number;
    options: number;
    timestamps: boolean;
    sack: boolean;
    ecn: boolean;
    ecn_seen: boolean;
    syn_data: boolean;
    wscale_ok: boolean;
    snd_wscale: number;
    rcv_wscale: number;
    delivery_rate_app_limited: boolean;
    rto: number;
    ato: number;
    snd_mss: number;
    rcv_mss: number;
    advmss: number;
    pmtu: number;
    unacked: number;
    sacked: number;
    lost: number;
    retrans: number;
    fackets: number;
    total_retrans: number;
    last_data_sent: number;
    last_ack_sent: number;
    last_data_recv: number;
    last_ack_recv: number;
    rtt: number;
    rttvar: number;
    min_rtt: number;
    rcv_rtt: number;
    snd_ssthresh: number;
    snd_cwnd: number;
    rcv_space: number;
    rcv_ssthresh: number;
    snd_wnd: number;
    rcv_wnd: number;
    bytes_acked: number;
    bytes_sent: number;
    bytes_retrans: number;
    bytes_received: number;
    segs_out: number;
    segs_in: number;
    data_segs_out: number;
    data_segs_in: number;
    notsent_bytes: number;
    pacing_rate: number;
    max_pacing_rate: number;
    delivery_rate: number;
    busy_time: number;
    rwnd_limited: number;
    sndbuf_limited: number;
    delivered: number;
    delivered_ce: number;
    reordering: number;
    reord_seen: number;
    dsack_dups: number;
    rcv_ooopack: number;
    rehash: number;
    total_rto: number;
    total_rto_recoveries: number;
    total_rto_time: number;
    congestion: string;
}
export interface TimerRow {
    name: "on" | "keepalive" | "timewait" | "persist" | "unknown";
    expiresMs: number;
    retransmits: number;
}
export declare class Listener {
    handler: ListenerHandler;
    context: unknown;
    readonly address: string;
    readonly port: number;
    readonly backlog: number;
    readonly synQueueMax: number;
    readonly congestion: CongestionName;
    readonly id: number;
    readonly family: Family;
    readonly key: number;
    readonly words: Int32Array;
    readonly bits: number;
    readonly v6Only: boolean;
    isClosed: boolean;
    readonly acceptQueue: Connection[];
    synQueue: number;
    fastOpenMax: number;
    fastOpenPending: number;
    deferTimeouts: number;
    readonly fastOpenResets: number[];
    constructor(listeners: Listeners, id: number, binding: Binding, backlog: number, synQueueMax: number, congestion: CongestionName, handler: ListenerHandler);
    get settings(): ConnectionSettings;
    set settings(settings: ConnectionSettings);
    get deferAccept(): number;
    set deferAccept(seconds: number);
    get isFull(): boolean;
    accept(): Connection | null;
    pause(): void;
    resume(): void;
    stats(): ListenerStats;
    count(what: "acceptOverflows" | "synDrops" | "cookiesSent" | "cookiesRecv" | "cookiesFailed"): void;
    dispatch(): void;
    close(): void;
    connect(host: string, port: number, handler: ConnectionHandler): Connection;
}
export declare const DEFAULT_CONFIG: TcpConfig;
export interface TcpConfig extends ProtocolConfig, FastOpenConfig {
    msl: Micros;
    rtoInitial: Micros;
    rtoMin: Micros;
    rtoMax: Micros;
    r1: number;
    r2: number;
    synRetries: number;
    synAckRetries: number;
    orphanRetries: number;
    delayedAck: Micros;
    quickAcks: number;
    finWait2: Micros;
    keepAliveIdle: Micros;
    keepAliveInterval: Micros;
    keepAliveCount: number;
    userTimeout: Micros;
    initialWindow: number;
    receiveBuffer: number;
    receiveBufferMax: number;
    sendBuffer: number;
    sendBufferMax: number;
    notSentLowat: number;
    windowScale: boolean;
    timestamps: boolean;
    sack: boolean;
    rack: boolean;
    tlp: boolean;
    frto: boolean;
    dscp: number;
    ttl: number;
    keepAliveOctet: boolean;
    noDelay: boolean;
    mss: number;
    mtuProbing: "off" | "blackhole" | "always";
    synQueue: number;
    synCookies: "overflow" | "never" | "always";
    abortOnOverflow: boolean;
    timeWaitMax: number;
    orphansMax: number;
    flowsMax: number;
    quietTime: Micros;
    challengeAcks: number;
    challengeInterval: Micros;
    resets: number;
    pacing: boolean;
    maxPacingRate: number;
    congestion: CongestionName;
    ecn: "off" | "passive" | "on";
    ecnFallback: number;
    hystart: boolean;
    slowStartAfterIdle: boolean;
}
export type CongestionName = keyof typeof CONGESTION_CONTROLS;

// usertcp/core
export declare function enableAssertions(on: boolean): void;
// ArgumentError, as above
// ErrorCode, as above
// NetworkError, as above
export interface Host {
    clock(): Micros;
    random(): number;
    readonly secret: Uint8Array;
    wake(): void;
}
export declare const HEADROOM = 12;
export declare const PIECE: {
    readonly CHUNK: 0;
    readonly OFFSET: 1;
    readonly LENGTH: 2;
    readonly COLUMNS: 3;
}
export declare const RX: {
    readonly OFFSET: 0;
    readonly LENGTH: 1;
    readonly FLAGS: 2;
    readonly GSO_SIZE: 3;
    readonly COLUMNS: 4;
}
export declare const RX_BATCH = 32;
export declare const RX_CHECKSUM_OK = 1;
export interface ReceiveBatch {
    readonly bytes: Uint8Array;
    readonly view: DataView;
    readonly count: number;
    readonly table: Int32Array;
    retained: boolean;
}
export declare const TX: {
    readonly OFFSET: 0;
    readonly HEAD: 1;
    readonly FIRST_PIECE: 2;
    readonly PIECES: 3;
    readonly TOTAL: 4;
    readonly GSO_SIZE: 5;
    readonly CSUM_START: 6;
    readonly FAMILY: 7;
    readonly COLUMNS: 8;
}
export declare class TransmitBatch {
    readonly bytes: Uint8Array;
    readonly view: DataView;
    readonly table: Int32Array;
    readonly chunks: Uint8Array[];
    readonly pieces: Int32Array;
    count: number;
    chunkCount: number;
    pieceCount: number;
    used: number;
    hasRoom(head: number, pieces: number): boolean;
    hasRooms(packets: number, head: number): boolean;
    open(): number;
    addPiece(chunk: Uint8Array, offset: number, length: number): void;
    close(offset: number, head: number, pieces: number, total: number, gsoSize: number, csumStart: number, family: number): void;
    pieceAt(i: number): Uint8Array;
    copyPacket(i: number, target: Uint8Array, at: number): void;
    packetAt(i: number): Uint8Array<ArrayBuffer>;
    clear(): void;
}
export declare const MS: Micros;
export type Micros = number;
export declare const NEVER: Micros;
export declare const SECOND: Micros;
// ListenOptions, as above
// ConnectOptions, as above
// Connection, as above
// ConnectionHandler, as above
// ListenerHandler, as above
// SynFlow, as above
// SynVerdict, as above
// ListenerStats, as above
// SocketRow, as above
// StackSnapshot, as above
// TcpInfo, as above
// TimerRow, as above
export declare class StackInterface {
    readonly name: string;
    readonly mtu: number;
    readonly offload: boolean;
    checksumOffload: boolean;
    readonly addresses: Prefix[];
    readonly path: StackPath;
    mssClamp: number;
    bigTcp: boolean;
    tx: TransmitBatch;
    constructor(name: string, mtu: number, offload: boolean, addresses: Prefix[]);
}
// Listener, as above
export interface StackOptions {
    readonly interfaces: StackInterface[];
    readonly tcp?: Partial<TcpConfig>;
    readonly reassembly?: Partial<ReassemblyOptions>;
    readonly shard?: ShardOptions;
    readonly exactTimers?: boolean;
}
export declare class Stack implements TcpContext {
    readonly host: Host;
    readonly config: TcpConfig;
    readonly interfaces: Interfaces;
    readonly addresses: AddressTable;
    readonly flowLabels: FlowLabels;
    readonly flows: FlowTable;
    readonly wheel: TimerWheel;
    readonly listeners: Listeners;
    readonly ports: EphemeralPorts;
    readonly portUse: PortUse;
    readonly cookies: SynCookies;
    readonly counters: TcpCounters;
    readonly ip: IpCounters;
    readonly ip6: Ip6Counters;
    readonly drops: DropCounters;
    readonly observers: Observers;
    readonly arena: Arena;
    readonly fastOpen: FastOpenCache;
    readonly fragments: FragmentInput;
    readonly shard: Shard | null;
    readonly bare: SegmentOut;
    readonly loans: Loans;
    readonly tcbs: (Tcb | null)[];
    readonly startedAt: Micros;
    now: Micros;
    orphans: number;
    isDown: boolean;
    constructor(options: StackOptions, host: Host);
    tick(): void;
    listen(options: ListenOptions, handler: ListenerHandler): Listener;
    connect(options: ConnectOptions, handler: ConnectionHandler): Connection;
    input(link: StackInterface, batch: ReceiveBatch): void;
    tcpInput(seg: Segment): boolean;
    nextDeadline(): Micros;
    expire(): void;
    dispatch(): void;
    flush(): boolean;
    get isBusy(): boolean;
    inputLocal(): void;
    markDirty(tcb: Tcb): void;
    note(tcb: Tcb, events: number): void;
    rearm(tcb: Tcb, at?: Micros): void;
    drop(reason: drop.Drop): void;
    allowChallenge(): boolean;
    allowReset(family: number, remote: number): boolean;
    isn(family: number, local: number, remote: number, localPort: number, remotePort: number): Seq;
    timestampOffset(family: number, local: number, remote: number): number;
    identity(family: number, key: number): number;
    sendBare(seg: Segment, out: SegmentOut): void;
    sendBareTo(family: number, local: number, remote: number, localPort: number, remotePort: number, out: SegmentOut, settings?: ConnectionSettings): void;
    get quietUntil(): Micros;
    suspectPath(tcb: Tcb, mtu?: number): void;
    toTimeWait(tcb: Tcb): void;
    release(tcb: Tcb, error: ErrorCode | null): void;
    adopt(tcb: Tcb, slot: number): void;
    shutdown(error?: ErrorCode | null): void;
    snapshot(options?: {
        info?: boolean;
    }): StackSnapshot;
}
// DEFAULT_CONFIG, as above
// TcpConfig, as above
// CongestionName, as above

// usertcp/sim
export interface Conditions {
    readonly delay: Micros;
    readonly jitter: Micros;
    readonly loss: number;
    readonly duplicate: number;
    readonly corrupt: number;
    readonly reorder: number;
    readonly reorderAtLeast: Micros;
    readonly reorderBy: Micros;
    readonly rate: number;
    readonly queue: number;
    readonly markThreshold: number;
    readonly mtu: number;
    readonly tooBig: "drop" | "answer" | "answer-without-mtu";
    readonly segments: boolean;
}
export type Fate = "sent" | "lost" | "overflowed" | "tooBig" | "filtered" | "down" | "duplicated" | "corrupted" | "reordered";
export declare class Link implements Sink {
    conditions: Conditions;
    readonly statistics: LinkStatistics;
    isUp: boolean;
    filter: ((packet: Packet) => boolean) | null;
    tap: LinkTap | null;
    back: Sink | null;
    constructor(clock: Clock, random: Random, to: Sink, conditions: Partial<Conditions>);
    change(conditions: Partial<Conditions>): void;
    take(packet: Packet): void;
}
export declare class LinkStatistics {
    packets: number;
    bytes: number;
    lost: number;
    overflowed: number;
    tooBig: number;
    marked: number;
    filtered: number;
    down: number;
    duplicated: number;
    corrupted: number;
    reordered: number;
}
export declare const PERFECT: Conditions;
export declare class Packet implements SimEvent {
    readonly bytes: Uint8Array;
    readonly view: DataView;
    length: number;
    held: number;
    gsoSize: number;
    vouched: boolean;
    to: Sink | null;
    constructor(pool: PacketPool, sizeClass: number);
    get destination(): AddressKey;
    get family(): Family;
    fire(): void;
    get pool(): PacketPool;
    free(): void;
    copy(): Packet;
    markCongestion(): boolean;
    completeChecksum(): void;
}
export interface Sink {
    take(packet: Packet): void;
}
export interface Expected {
    readonly seq?: number;
    readonly ack?: number;
    readonly flags?: number;
    readonly wnd?: number;
    readonly text?: string;
    readonly length?: number;
    readonly mss?: number;
    readonly wscale?: number;
}
export interface PeerOptions {
    readonly mss?: number;
    readonly wscale?: number;
    readonly sackPermitted?: boolean;
    readonly timestamps?: readonly [number, number];
    readonly sack?: readonly (readonly [number, number])[];
    readonly raw?: Uint8Array;
}
export interface PeerSegment {
    readonly seq?: number;
    readonly ack?: number;
    readonly flags?: number;
    readonly wnd?: number;
    readonly up?: number;
    readonly options?: PeerOptions;
    readonly text?: string | Uint8Array;
    readonly port?: number;
    readonly hostPort?: number;
    readonly address?: string;
    readonly badChecksum?: boolean;
}
export interface Received {
    readonly at: Micros;
    readonly seq: number;
    readonly ack: number;
    readonly flags: number;
    readonly wnd: number;
    readonly up: number;
    readonly text: Uint8Array;
    readonly mss: number;
    readonly wscale: number;
    readonly sackPermitted: boolean;
    readonly timestamps: readonly [number, number] | null;
    readonly sack: readonly (readonly [number, number])[];
    readonly srcPort: number;
    readonly dstPort: number;
    readonly line: string;
}
export declare class ScriptedPeer implements Sink {
    seq: number;
    ack: number;
    wnd: number;
    irs: number;
    tsval: number | null;
    tsecr: number;
    readonly iss: number;
    readonly port: number;
    hostPort: number;
    readonly received: Received[];
    constructor(world: World, host: SimHost, options?: ScriptedPeerOptions);
    get address(): string;
    send(segment?: PeerSegment): void;
    inject(segment?: PeerSegment): void;
    sendRaw(bytes: Uint8Array): void;
    handshake(options?: PeerOptions): Received;
    accept(options?: PeerOptions): Received;
    next(): Received | null;
    expect(expected?: Expected): Received;
    expectNothing(): void;
    drain(): Received[];
    take(packet: Packet): void;
}
export declare class SimHost implements Host, Sink {
    readonly name: string;
    readonly stack: Stack;
    readonly link: StackInterface;
    readonly secret: Uint8Array;
    readonly routes: Map<AddressKey, Sink>;
    route: Sink | null;
    rounds: number;
    isReady: boolean;
    constructor(world: HostWorld, random: Random, options: SimHostOptions);
    get address(): string;
    get key(): number;
    addressOf(family: Family): Int32Array | null;
    clock(): Micros;
    random(): number;
    wake(): void;
    take(packet: Packet): void;
    run(): void;
}
export interface SimHostOptions {
    readonly addresses: readonly string[];
    readonly mtu?: number;
    readonly offload?: boolean;
    readonly carriesText?: boolean;
    readonly tcp?: Partial<TcpConfig>;
    readonly secret?: Uint8Array;
    readonly name?: string;
}
export declare class Trace {
    constructor(world: World, options?: TraceOptions);
    watch(link: Link): void;
    lines(): string[];
    pcapng(): Uint8Array;
}
export interface TraceOptions {
    readonly last?: number;
    readonly snap?: number;
}
export declare class Router implements Sink {
    readonly routes: Map<AddressKey, Sink>;
    route: Sink | null;
    take(packet: Packet): void;
}
export interface Wire {
    readonly there: Link;
    readonly back: Link;
}
export declare class World {
    readonly seed: number;
    readonly clock: Clock;
    readonly random: Random;
    readonly packets: PacketPool;
    readonly hosts: SimHost[];
    readonly links: Link[];
    readonly startAt: Micros;
    constructor(seed: number, options?: WorldOptions);
    get now(): Micros;
    host(options: SimHostOptions): SimHost;
    link(a: SimHost, b: SimHost, conditions?: Partial<Conditions>, back?: Partial<Conditions>): Wire;
    direct(to: Sink, conditions?: Partial<Conditions>): Link;
    at(time: Micros, call: () => void): void;
    after(delay: Micros, call: () => void): void;
    ready(host: SimHost): void;
    settle(): void;
    run(duration: Micros): void;
    runWhile(goesOn: () => boolean, until: Micros): boolean;
    runUntilIdle(limit: Micros): boolean;
}
export interface WorldOptions {
    readonly startAt?: Micros;
    readonly assertions?: boolean;
}

// usertcp/net
export interface ConnectOptions {
    port?: number | string | undefined;
    host?: string | undefined;
    path?: string | null | undefined;
    localAddress?: string | undefined;
    localPort?: number | undefined;
    family?: number | string | undefined;
    hints?: number | undefined;
    lookup?: LookupFunction | undefined;
    autoSelectFamily?: boolean | undefined;
}
export interface CreateConnectionOptions extends SocketOptions, ConnectOptions {
    timeout?: number | undefined;
}
export interface ListenOptions {
    port?: number | string | null | undefined;
    host?: string | undefined;
    path?: string | undefined;
    backlog?: number | undefined;
    ipv6Only?: boolean | undefined;
    signal?: AbortSignal | undefined;
}
export interface NetStack {
    connect(options: Wishes & {
        host: string;
        port: number;
        localAddress?: string;
        localPort?: number;
    }, handler: ConnectionHandler): Connection;
    listen(options: {
        host?: string;
        port: number;
        backlog?: number;
        ipv6Only?: boolean;
        reuseAddr?: boolean;
    }, handler: ListenerHandler): Listener;
}
export interface OnReadOptions {
    buffer: Uint8Array | (() => Uint8Array);
    callback(bytesRead: number, buffer: Uint8Array): unknown;
}
export interface ServerOptions {
    allowHalfOpen?: boolean | undefined;
    pauseOnConnect?: boolean | undefined;
    noDelay?: boolean | undefined;
    keepAlive?: boolean | undefined;
    keepAliveInitialDelay?: number | undefined;
    highWaterMark?: number | undefined;
}
export interface SocketOptions {
    allowHalfOpen?: boolean | undefined;
    readable?: boolean | undefined;
    writable?: boolean | undefined;
    highWaterMark?: number | undefined;
    readableHighWaterMark?: number | undefined;
    writableHighWaterMark?: number | undefined;
    noDelay?: boolean | undefined;
    keepAlive?: boolean | undefined;
    keepAliveInitialDelay?: number | undefined;
    signal?: AbortSignal | undefined;
    onread?: OnReadOptions | undefined;
    handle?: Connection | undefined;
    isMapped?: boolean | undefined;
    pauseOnCreate?: boolean | undefined;
}
export declare function connectionOf(socket: object): Connection | null;
export declare function listenerOf(server: object): Listener | null;
export declare const defaultNet: Net;
export interface ServerExtras {
    stats(): ListenerStats | null;
}
export interface SocketExtras {
    readonly state: StateName | null;
    congestion: CongestionName | null;
    pacing: number;
    info(): TcpInfo | null;
    setKeepAlive(enable?: boolean, initialDelayMs?: number, intervalMs?: number, count?: number): this;
    setUserTimeout(ms: number): this;
    setLinger(ms: number | null): this;
    setTypeOfService(typeOfService: number): this;
    getTypeOfService(): number;
    setMaxSegment(bytes: number): this;
}
export interface TcpServer extends net.Server, ServerExtras {
}
export interface TcpSocket extends net.Socket, Omit<SocketExtras, "setKeepAlive"> {
    setKeepAlive(enable?: boolean, initialDelayMs?: number, intervalMs?: number, count?: number): this;
}
export interface Connect {
    (options: CreateConnectionOptions, listener?: () => void): Socket;
    (port: number | string, host: string, listener?: () => void): Socket;
    (port: number | string, listener?: () => void): Socket;
}
export interface CreateServer {
    (options?: ServerOptions, listener?: (socket: Socket) => void): Server;
    (listener?: (socket: Socket) => void): Server;
}
export interface Net extends Omit<typeof net, Bound> {
    connect: TcpConnect & typeof net.connect;
    createConnection: TcpConnect & typeof net.connect;
    createServer: TcpCreateServer & typeof net.createServer;
    Socket: (new (options?: net.SocketConstructorOpts) => TcpSocket) & typeof net.Socket;
    Stream: (new (options?: net.SocketConstructorOpts) => TcpSocket) & typeof net.Socket;
    Server: NewServer & typeof net.Server;
}
export interface TcpConnect {
    (options: net.NetConnectOpts, listener?: () => void): TcpSocket;
    (port: number, host?: string, listener?: () => void): TcpSocket;
    (port: number, listener: () => void): TcpSocket;
    (path: string, listener?: () => void): TcpSocket;
}
export interface TcpCreateServer {
    (listener?: (socket: TcpSocket) => void): TcpServer;
    (options?: net.ServerOpts, listener?: (socket: TcpSocket) => void): TcpServer;
}
export declare function createNet(stack: NetStack): Net;
export interface DropArgument {
    localAddress: string;
    localPort: number;
    localFamily: "IPv4" | "IPv6";
    remoteAddress: string;
    remotePort: number;
    remoteFamily: "IPv4" | "IPv6";
}
export declare class Server extends Base implements SocketOwner, ListenerHandler {
    _connections: number;
    allowHalfOpen: boolean;
    pauseOnConnect: boolean;
    noDelay: boolean;
    keepAlive: boolean;
    keepAliveInitialDelay: number;
    highWaterMark: number;
    maxConnections?: number;
    listen(options: ListenOptions, listener?: () => void): this;
    listen(port?: number | string, host?: string, backlog?: number, listener?: () => void): this;
    listen(port?: number | string, backlog?: number, listener?: () => void): this;
    listen(port?: number | string, host?: string, listener?: () => void): this;
    listen(port?: number | string, listener?: () => void): this;
    listen(listener?: () => void): this;
    get listening(): boolean;
    get _handle(): Listener | null;
    set _handle(_value: unknown);
    address(): AddressInfo | null;
    close(callback?: (error?: Error) => void): this;
    [Symbol.asyncDispose](): Promise<void>;
    getConnections(callback: (error: Error | null, count: number) => void): this;
    ref(): this;
    unref(): this;
    onClose(): void;
    onConnection(connection: Connection): void;
    _emitCloseIfDrained(): void;
    _listen2(address: string | null, port: number, _family: number, backlog: number): void;
    _setupWorker(): void;
    static initialize(server: Server, first: unknown, second: unknown): void;
}
export interface ServerConstructor {
    new (options?: ServerOptions, listener?: (socket: Socket) => void): Server;
    new (listener?: (socket: Socket) => void): Server;
    (options?: ServerOptions, listener?: (socket: Socket) => void): Server;
    (listener?: (socket: Socket) => void): Server;
    readonly prototype: Server;
}
export declare class Socket extends Duplex implements LinkOwner, Connecting {
    connecting: boolean;
    timeout?: number;
    server: SocketOwner | null;
    _server: SocketOwner | null;
    _parent: null;
    _host: string | null;
    autoSelectFamilyAttemptedAddresses?: string[];
    connect(options: ConnectOptions, listener?: () => void): this;
    connect(port: number | string, host: string, listener?: () => void): this;
    connect(port: number | string, listener?: () => void): this;
    _connected(connection: Connection): void;
    setTimeout(msecs: number, callback?: () => void): this;
    _unrefTimer(): void;
    _onTimeout(): void;
    setNoDelay(enable?: boolean): this;
    setKeepAlive(enable?: boolean, initialDelayMs?: number): this;
    ref(): this;
    unref(): this;
    _updateLife(): void;
    address(): AddressInfo | Record<string, never>;
    get bytesRead(): number;
    get _bytesDispatched(): number;
    get bytesWritten(): number;
    get bufferSize(): number | undefined;
    get pending(): boolean;
    get _connecting(): boolean;
    get readyState(): "opening" | "open" | "readOnly" | "writeOnly" | "closed";
    get _handle(): null;
    set _handle(_value: unknown);
    get localAddress(): string | undefined;
    get localPort(): number | undefined;
    get localFamily(): "IPv4" | "IPv6" | undefined;
    get remoteAddress(): string | undefined;
    get remotePort(): number | undefined;
    get remoteFamily(): "IPv4" | "IPv6" | undefined;
    _getsockname(): AddressInfo | Record<string, never>;
    _getpeername(): AddressInfo | Record<string, never>;
    pause(): this;
    resume(): this;
    read(size?: number): unknown;
    _read(): void;
    _write(chunk: Uint8Array | string, encoding: BufferEncoding, callback: Callback): void;
    _writev(chunks: readonly Chunk[], callback: Callback): void;
    _final(callback: Callback): void;
    end(...args: unknown[]): this;
    destroySoon(): void;
    resetAndDestroy(): this;
    _reset(): this;
    _destroy(error: Error | null, callback: (error: Error | null) => void): void;
    static initialize(socket: Socket, options: SocketOptions): void;
}
export interface SocketConstructor {
    new (options?: SocketOptions): Socket & SocketExtras;
    (options?: SocketOptions): Socket & SocketExtras;
    readonly prototype: Socket;
}

// usertcp/sockets
export declare const connect: Sockets["connect"];
export declare const listen: Sockets["listen"];
export interface Destination {
    readonly hostname: string;
    readonly port: number;
}
export interface Sockets {
    connect(address: string | Destination, options?: StreamSocketOptions): StreamSocket;
    listen(options: StreamListenOptions): StreamListener;
}
export interface StreamListenOptions {
    readonly port: number;
    readonly hostname?: string;
    readonly allowHalfOpen?: boolean;
}
export interface StreamListener extends AsyncIterable<StreamSocket> {
    readonly addr: Promise<Destination>;
    close(): void;
}
export interface StreamSocketOptions {
    readonly secureTransport?: SecureTransport;
    readonly allowHalfOpen?: boolean;
    readonly tls?: TlsOptions;
}
export declare function createSockets(net: Pick<Net, "connect" | "createServer">): Sockets;
export type Bytes = ArrayBuffer | ArrayBufferView;
export type SecureTransport = "off" | "on" | "starttls";
export interface SocketInfo {
    readonly remoteAddress: string;
    readonly localAddress: string;
    readonly alpn: string | null;
}
export declare class StreamSocket {
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable: WritableStream<Bytes>;
    readonly opened: Promise<SocketInfo>;
    readonly closed: Promise<void>;
    readonly secureTransport: SecureTransport;
    readonly socket: Socket;
    constructor(socket: Socket, secureTransport: SecureTransport, host?: string);
    get upgraded(): boolean;
    close(): Promise<void>;
    startTls(options?: TlsOptions): StreamSocket;
    [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined>;
    [Symbol.asyncDispose](): Promise<void>;
}
export type TlsOptions = Omit<tls.ConnectionOptions, "socket" | "host" | "port" | "path">;

// usertcp/loopback
export declare const loopbackStack: RunningStack;

