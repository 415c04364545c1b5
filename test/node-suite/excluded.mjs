/** Tests of Node's that do not concern the net API of a TCP stack, by name, each with why. */
const PIPE = "local sockets (path)";
const CLUSTER = "handles are passed between processes or threads";
const PROCESS = "its peer is another process, which has a loopback of its own";
const ENGINE = "changes Node's own binding before tls is loaded";
const FD = "file descriptors";
const INTERNALS = "looks at Node's own binding under a socket";

export const EXCLUDED = new Map([
  ["test-net-better-error-messages-listen-path", PIPE],
  ["test-net-better-error-messages-path", PIPE],
  ["test-net-connect-options-path", PIPE],
  ["test-net-pipe-connect-errors", PIPE],
  ["test-net-pipe-with-long-path", PIPE],
  ["test-net-server-listen-path", PIPE],
  ["test-net-child-process-connect-reset", PROCESS],
  ["test-net-GH-5504", PROCESS],
  ["test-net-response-size", PROCESS],
  ["test-net-listen-exclusive-random-ports", CLUSTER],
  ["test-net-listen-handle-in-cluster-1", CLUSTER],
  ["test-net-listen-handle-in-cluster-2", CLUSTER],
  ["test-net-listen-shared-ports", CLUSTER],
  ["test-net-listen-twice", CLUSTER],
  ["test-net-server-close-before-ipc-response", CLUSTER],
  ["test-net-reuseport", CLUSTER],
  ["test-net-server-transfer-worker", CLUSTER],
  ["test-net-socket-transfer-worker", CLUSTER],
  ["test-net-socket-transfer-worker-http", CLUSTER],
  ["test-net-boundsocket", FD],
  ["test-net-connect-options-fd", FD],
  ["test-net-listen-fd0", FD],
  ["test-net-server-listen-handle", FD],
  ["test-net-normalize-args", INTERNALS],
  ["test-net-persistent-nodelay", INTERNALS],
  ["test-net-persistent-ref-unref", INTERNALS],
  ["test-http-chunk-problem", PROCESS],
  ["test-http-pipeline-flood", PROCESS],
  ["test-http-parser-timeout-reset", INTERNALS],
  ["test-https-agent-unref-socket", PROCESS],
  ["test-tls-env-extra-ca", PROCESS],
  ["test-tls-ticket-cluster", CLUSTER],
  ["test-tls-clientcertengine-unsupported", ENGINE],
  ["test-tls-keyengine-unsupported", ENGINE],
]);
