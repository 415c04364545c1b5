/** How many flows hold each local port: what makes a port "in use" for a bind without `reuseAddr`. */
export class PortUse {
  readonly #flows: Uint32Array = new Uint32Array(65_536);

  hold(port: number): void {
    this.#flows[port]!++;
  }

  letGo(port: number): void {
    this.#flows[port]!--;
  }

  isHeld(port: number): boolean {
    return this.#flows[port]! > 0;
  }
}
