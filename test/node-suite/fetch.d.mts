/** The folder with `test/` and `lib/` of Node `major`. */
export function fetchNode(major: number): string;
