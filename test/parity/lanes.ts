/** Work in several lanes at once, each taking the next piece when it is done with one. */

/** Scripts mostly wait, so that many of them load a machine little. */
export const LANES = 12;

export async function inLanes<T>(
  items: readonly T[],
  lanes: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]!);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
