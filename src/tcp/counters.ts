/**
 * What TCP counts, by the names of Linux's /proc/net/snmp and netstat -s where it has one.
 */

/** Counters of a stack; plain numbers, so that counting costs one increment. */
export class TcpCounters {
  ActiveOpens = 0;
  PassiveOpens = 0;
  AttemptFails = 0;
  EstabResets = 0;
  InSegs = 0;
  OutSegs = 0;
  RetransSegs = 0;
  InErrs = 0;
  OutRsts = 0;
  InRsts = 0;
  TW = 0;
  TWRecycled = 0;
  TWKilled = 0;
  TWOverflow = 0;
  OutOfWindowIcmps = 0;
  PAWSEstab = 0;
  DelayedACKs = 0;
  ListenOverflows = 0;
  ListenDrops = 0;
  TCPDeferAcceptDrop = 0;
  SyncookiesSent = 0;
  SyncookiesRecv = 0;
  SyncookiesFailed = 0;
  TCPHPHits = 0;
  TCPPureAcks = 0;
  TCPTimeouts = 0;
  TCPFastRetrans = 0;
  TCPSlowStartRetrans = 0;
  TCPSackRecovery = 0;
  TCPRenoRecovery = 0;
  TCPSACKReneging = 0;
  TCPDSACKOldSent = 0;
  TCPDSACKOfoSent = 0;
  TCPDSACKRecv = 0;
  TCPSACKDiscard = 0;
  TCPLostRetransmit = 0;
  TCPLossProbes = 0;
  TCPLossProbeRecovery = 0;
  TCPFullUndo = 0;
  TCPPartialUndo = 0;
  TCPDSACKUndo = 0;
  TCPLossUndo = 0;
  TCPSpuriousRTOs = 0;
  TCPAbortOnData = 0;
  TCPAbortOnClose = 0;
  TCPAbortOnTimeout = 0;
  TCPAbortOnLinger = 0;
  TCPAbortOnMemory = 0;
  TCPFastOpenActive = 0;
  TCPFastOpenActiveFail = 0;
  TCPFastOpenPassive = 0;
  TCPFastOpenPassiveFail = 0;
  TCPFastOpenPassiveAltKey = 0;
  TCPFastOpenListenOverflow = 0;
  TCPFastOpenCookieReqd = 0;
  TCPFastOpenBlackhole = 0;
  PAWSActive = 0;
  TCPOFOQueue = 0;
  TCPOFODrop = 0;
  TCPChallengeACK = 0;
  TCPSYNChallenge = 0;
  TCPKeepAlive = 0;
  TCPToZeroWindowAdv = 0;
  TCPFromZeroWindowAdv = 0;
  TCPWinProbe = 0;
  TCPMTUPSuccess = 0;
  TCPMTUPFail = 0;
}
