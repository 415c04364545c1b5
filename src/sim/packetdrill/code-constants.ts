/** The constants that packetdrill gives the code of `%{ ... }%`, with Linux's numbers (include/uapi/linux/tcp.h). */
export const CODE_CONSTANTS: Readonly<Record<string, number>> = {
  // tcpi_ca_state
  TCP_CA_Open: 0,
  TCP_CA_Disorder: 1,
  TCP_CA_CWR: 2,
  TCP_CA_Recovery: 3,
  TCP_CA_Loss: 4,
  // tcpi_options
  TCPI_OPT_TIMESTAMPS: 1,
  TCPI_OPT_SACK: 2,
  TCPI_OPT_WSCALE: 4,
  TCPI_OPT_ECN: 8,
  TCPI_OPT_ECN_SEEN: 16,
  TCPI_OPT_SYN_DATA: 32,
  TCPI_OPT_USEC_TS: 64,
  TCPI_OPT_TFO_CHILD: 128,
  // tcpi_fastopen_client_fail
  TFO_STATUS_UNSPEC: 0,
  TFO_COOKIE_UNAVAILABLE: 1,
  TFO_DATA_NOT_ACKED: 2,
  TFO_SYN_RETRANSMITTED: 3,
  // tcpi_state
  TCP_ESTABLISHED: 1,
  TCP_SYN_SENT: 2,
  TCP_SYN_RECV: 3,
  TCP_FIN_WAIT1: 4,
  TCP_FIN_WAIT2: 5,
  TCP_TIME_WAIT: 6,
  TCP_CLOSE: 7,
  TCP_CLOSE_WAIT: 8,
  TCP_LAST_ACK: 9,
  TCP_LISTEN: 10,
  TCP_CLOSING: 11,
  TCP_NEW_SYN_RECV: 12,
};
