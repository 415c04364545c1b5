/**
 * What loss recovery remembers of one connection beside the scoreboard. Made when first something is sent. The names are
 * those of the RFC that each mechanism's file reads.
 */

/** The variables of recovery. */
export class RecoveryState {
  // Proportional rate reduction (RFC 9937 6): bytes.
  prrDelivered = 0;
  prrOut = 0;
  recoverFs = 0;
}
