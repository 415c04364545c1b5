import { transfers } from "./transfer.ts";

transfers(3);
