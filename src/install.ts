/** The entry `usertcp/install`: `node --import usertcp/install app.js`. */
import { install } from "./net/install.ts";

install();
