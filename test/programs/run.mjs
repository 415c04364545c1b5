/** `node run.mjs SCENARIO GROUND`: plays one scenario, and prints what it saw as one line of JSON. */
import { openGround } from "./ground.mjs";

const [name, kind] = process.argv.slice(2);
const { default: scenario } = await import(`./scenarios/${name}.mjs`);
const ground = await openGround(kind);
const saw = await scenario(ground);
await ground.close();
process.stdout.write(`${JSON.stringify(saw)}\n`);
