/**
 * A connection of a shard's, used from the main thread: what `usertcp nc` through the control socket needs of one, over a
 * message port. Each way at most a window of bytes is under way between the threads.
 */
import type { MessagePort } from "node:worker_threads";
import type { Dialed, DialHandler } from "./connection-pump.ts";
import type { Ends, FromConnection, ToConnection } from "./serve-messages.ts";

/** Bytes given to the shard and not yet in its send buffer, above which `send` says full. */
const SEND_WINDOW = 256 * 1024;

const NOWHERE: Ends = { localAddress: "", localPort: 0, remoteAddress: "", remotePort: 0 };

/** The main thread's end. */
export class RemoteConnection implements Dialed {
  handler: Dialed["handler"] = {};
  #ends: Ends = NOWHERE;
  #unsent = 0;
  #isFull = false;
  #isPaused = false;
  /** Bytes taken while paused: told when that is over, so that the shard waits meanwhile. */
  #owed = 0;
  #isOver = false;
  readonly #port: MessagePort;
  readonly #opening: DialHandler;

  constructor(port: MessagePort, opening: DialHandler) {
    this.#port = port;
    this.#opening = opening;
    port.on("message", (message: FromConnection) => this.#hear(message));
    // The thread is gone, and the connection with it.
    port.on("close", () => this.#over(Object.assign(new Error("the shard is gone"), { code: "ENETDOWN" })));
  }

  get localAddress(): string {
    return this.#ends.localAddress;
  }

  get localPort(): number {
    return this.#ends.localPort;
  }

  get remoteAddress(): string {
    return this.#ends.remoteAddress;
  }

  get remotePort(): number {
    return this.#ends.remotePort;
  }

  send(bytes: Uint8Array): boolean {
    this.#unsent += bytes.length;
    this.#tell({ type: "send", bytes });
    this.#isFull = this.#unsent >= SEND_WINDOW;
    return !this.#isFull;
  }

  end(): void {
    this.#tell({ type: "end" });
  }

  abort(): void {
    this.#tell({ type: "abort" });
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#took(0);
  }

  #hear(message: FromConnection): void {
    const handler = this.handler as DialedEvents;
    switch (message.type) {
      case "connected":
        this.#ends = message.ends;
        this.#opening.onConnect(this);
        break;
      case "data":
        handler.onData?.(this, message.bytes);
        this.#took(message.bytes.length);
        break;
      case "sent":
        this.#unsent -= message.bytes;
        if (!this.#isFull || this.#unsent >= SEND_WINDOW) return;
        this.#isFull = false;
        handler.onDrain?.(this);
        break;
      case "ended":
        handler.onEnd?.(this);
        break;
      case "closed": {
        const { error } = message;
        this.#over(error === null ? null : Object.assign(new Error(error.message), { code: error.code }));
      }
    }
  }

  #over(error: Error | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#port.close();
    if (this.#ends === NOWHERE) this.#opening.onClose(this, error);
    else (this.handler as DialedEvents).onClose?.(this, error);
  }

  #took(bytes: number): void {
    this.#owed += bytes;
    if (this.#isPaused || this.#owed === 0) return;
    this.#tell({ type: "took", bytes: this.#owed });
    this.#owed = 0;
  }

  #tell(message: ToConnection): void {
    this.#port.postMessage(message);
  }
}

/** A handler's callbacks as this connection calls them: who gets them looks at the bytes and the error alone. */
interface DialedEvents {
  onData?(connection: Dialed, bytes: Uint8Array): void;
  onDrain?(connection: Dialed): void;
  onEnd?(connection: Dialed): void;
  onClose?(connection: Dialed, error: Error | null): void;
}
