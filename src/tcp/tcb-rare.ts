/**
 * The accessors by which a `Tcb` has the variables of `rare-state.ts` as if they were its own fields: reading is one load more,
 * the first change makes a copy.
 */
import type { Seq } from "../base/seq.ts";
import type { Micros } from "../base/time.ts";
import type { TcpConfig } from "./config.ts";
import type { FastOpen } from "./fast-open.ts";
import type { MtuSearch } from "./mtu-search.ts";
import { RareState, sharedBy } from "./rare-state.ts";
import { TcbFlags } from "./tcb-flags.ts";

/** A `Tcb` reads and writes them as its own. */
export class TcbRare extends TcbFlags {
  #rare: RareState;

  constructor(config: TcpConfig) {
    super();
    this.#rare = sharedBy(config);
  }

  /** One that is this connection's alone. */
  #own(): RareState {
    if (this.#rare.isShared) {
      this.#rare = Object.assign(new RareState(this.#rare), this.#rare);
      this.#rare.isShared = false;
    }
    return this.#rare;
  }

  get noOptions(): boolean {
    return this.#rare.noOptions;
  }

  set noOptions(value: boolean) {
    if (this.#rare.noOptions !== value) this.#own().noOptions = value;
  }

  get oobInline(): boolean {
    return this.#rare.oobInline;
  }

  set oobInline(value: boolean) {
    if (this.#rare.oobInline !== value) this.#own().oobInline = value;
  }

  get isSendLimitFixed(): boolean {
    return this.#rare.isSendLimitFixed;
  }

  set isSendLimitFixed(value: boolean) {
    if (this.#rare.isSendLimitFixed !== value) this.#own().isSendLimitFixed = value;
  }

  get hystart(): boolean {
    return this.#rare.hystart;
  }

  set hystart(value: boolean) {
    if (this.#rare.hystart !== value) this.#own().hystart = value;
  }

  get deliveredCe(): number {
    return this.#rare.deliveredCe;
  }

  set deliveredCe(value: number) {
    if (this.#rare.deliveredCe !== value) this.#own().deliveredCe = value;
  }

  get synRetries(): number {
    return this.#rare.synRetries;
  }

  set synRetries(value: number) {
    if (this.#rare.synRetries !== value) this.#own().synRetries = value;
  }

  get finSeq(): Seq {
    return this.#rare.finSeq;
  }

  set finSeq(value: Seq) {
    if (this.#rare.finSeq !== value) this.#own().finSeq = value;
  }

  get priorCwnd(): number {
    return this.#rare.priorCwnd;
  }

  set priorCwnd(value: number) {
    if (this.#rare.priorCwnd !== value) this.#own().priorCwnd = value;
  }

  get priorSsthresh(): number {
    return this.#rare.priorSsthresh;
  }

  set priorSsthresh(value: number) {
    if (this.#rare.priorSsthresh !== value) this.#own().priorSsthresh = value;
  }

  get lost(): number {
    return this.#rare.lost;
  }

  set lost(value: number) {
    if (this.#rare.lost !== value) this.#own().lost = value;
  }

  get reordering(): number {
    return this.#rare.reordering;
  }

  set reordering(value: number) {
    if (this.#rare.reordering !== value) this.#own().reordering = value;
  }

  get maxPacingRate(): number {
    return this.#rare.maxPacingRate;
  }

  set maxPacingRate(value: number) {
    if (this.#rare.maxPacingRate !== value) this.#own().maxPacingRate = value;
  }

  get departAt(): Micros {
    return this.#rare.departAt;
  }

  set departAt(value: Micros) {
    if (this.#rare.departAt !== value) this.#own().departAt = value;
  }

  get mtuSearch(): MtuSearch | null {
    return this.#rare.mtuSearch;
  }

  set mtuSearch(value: MtuSearch | null) {
    if (this.#rare.mtuSearch !== value) this.#own().mtuSearch = value;
  }

  get mtuClaim(): number {
    return this.#rare.mtuClaim;
  }

  set mtuClaim(value: number) {
    if (this.#rare.mtuClaim !== value) this.#own().mtuClaim = value;
  }

  get mtuClaimSeq(): Seq {
    return this.#rare.mtuClaimSeq;
  }

  set mtuClaimSeq(value: Seq) {
    if (this.#rare.mtuClaimSeq !== value) this.#own().mtuClaimSeq = value;
  }

  get keepAliveIdle(): Micros {
    return this.#rare.keepAliveIdle;
  }

  set keepAliveIdle(value: Micros) {
    if (this.#rare.keepAliveIdle !== value) this.#own().keepAliveIdle = value;
  }

  get keepAliveInterval(): Micros {
    return this.#rare.keepAliveInterval;
  }

  set keepAliveInterval(value: Micros) {
    if (this.#rare.keepAliveInterval !== value) this.#own().keepAliveInterval = value;
  }

  get keepAliveCount(): number {
    return this.#rare.keepAliveCount;
  }

  set keepAliveCount(value: number) {
    if (this.#rare.keepAliveCount !== value) this.#own().keepAliveCount = value;
  }

  get keepInit(): Micros {
    return this.#rare.keepInit;
  }

  set keepInit(value: Micros) {
    if (this.#rare.keepInit !== value) this.#own().keepInit = value;
  }

  get maxSegment(): number {
    return this.#rare.maxSegment;
  }

  set maxSegment(value: number) {
    if (this.#rare.maxSegment !== value) this.#own().maxSegment = value;
  }

  get linger(): number {
    return this.#rare.linger;
  }

  set linger(value: number) {
    if (this.#rare.linger !== value) this.#own().linger = value;
  }

  get softError(): number {
    return this.#rare.softError;
  }

  set softError(value: number) {
    if (this.#rare.softError !== value) this.#own().softError = value;
  }

  get timeouts(): number {
    return this.#rare.timeouts;
  }

  set timeouts(value: number) {
    if (this.#rare.timeouts !== value) this.#own().timeouts = value;
  }

  get timeoutRuns(): number {
    return this.#rare.timeoutRuns;
  }

  set timeoutRuns(value: number) {
    if (this.#rare.timeoutRuns !== value) this.#own().timeoutRuns = value;
  }

  get timeoutTime(): Micros {
    return this.#rare.timeoutTime;
  }

  set timeoutTime(value: Micros) {
    if (this.#rare.timeoutTime !== value) this.#own().timeoutTime = value;
  }

  get timeoutSince(): Micros {
    return this.#rare.timeoutSince;
  }

  set timeoutSince(value: Micros) {
    if (this.#rare.timeoutSince !== value) this.#own().timeoutSince = value;
  }

  get bytesRetransmitted(): number {
    return this.#rare.bytesRetransmitted;
  }

  set bytesRetransmitted(value: number) {
    if (this.#rare.bytesRetransmitted !== value) this.#own().bytesRetransmitted = value;
  }

  get retransmits(): number {
    return this.#rare.retransmits;
  }

  set retransmits(value: number) {
    if (this.#rare.retransmits !== value) this.#own().retransmits = value;
  }

  get dsackDups(): number {
    return this.#rare.dsackDups;
  }

  set dsackDups(value: number) {
    if (this.#rare.dsackDups !== value) this.#own().dsackDups = value;
  }

  get outOfOrder(): number {
    return this.#rare.outOfOrder;
  }

  set outOfOrder(value: number) {
    if (this.#rare.outOfOrder !== value) this.#own().outOfOrder = value;
  }

  get notSentLowat(): number {
    return this.#rare.notSentLowat;
  }

  set notSentLowat(value: number) {
    if (this.#rare.notSentLowat !== value) this.#own().notSentLowat = value;
  }

  get lastChallenge(): Micros {
    return this.#rare.lastChallenge;
  }

  set lastChallenge(value: Micros) {
    if (this.#rare.lastChallenge !== value) this.#own().lastChallenge = value;
  }

  get answers(): number {
    return this.#rare.answers;
  }

  set answers(value: number) {
    if (this.#rare.answers !== value) this.#own().answers = value;
  }

  get keepProbes(): number {
    return this.#rare.keepProbes;
  }

  set keepProbes(value: number) {
    if (this.#rare.keepProbes !== value) this.#own().keepProbes = value;
  }

  get lingerAt(): Micros {
    return this.#rare.lingerAt;
  }

  set lingerAt(value: Micros) {
    if (this.#rare.lingerAt !== value) this.#own().lingerAt = value;
  }

  get paceAt(): Micros {
    return this.#rare.paceAt;
  }

  set paceAt(value: Micros) {
    if (this.#rare.paceAt !== value) this.#own().paceAt = value;
  }

  get fastOpen(): FastOpen | null {
    return this.#rare.fastOpen;
  }

  set fastOpen(value: FastOpen | null) {
    if (this.#rare.fastOpen !== value) this.#own().fastOpen = value;
  }

  get dsackStart(): Seq {
    return this.#rare.dsackStart;
  }

  set dsackStart(value: Seq) {
    if (this.#rare.dsackStart !== value) this.#own().dsackStart = value;
  }

  get dsackEnd(): Seq {
    return this.#rare.dsackEnd;
  }

  set dsackEnd(value: Seq) {
    if (this.#rare.dsackEnd !== value) this.#own().dsackEnd = value;
  }

  get probes(): number {
    return this.#rare.probes;
  }

  set probes(value: number) {
    if (this.#rare.probes !== value) this.#own().probes = value;
  }

  get backoff(): number {
    return this.#rare.backoff;
  }

  set backoff(value: number) {
    if (this.#rare.backoff !== value) this.#own().backoff = value;
  }
}
