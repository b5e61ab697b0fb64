/** Writes share/inetd.schema.json from the schema that the reader checks: `npx tsx tools/inetd-schema.ts && npm run format`. */
import { writeFileSync } from "node:fs";
import { CONFIG_SCHEMA } from "../src/inetd/config/yaml/schema.ts";

writeFileSync(
  new URL("../share/inetd.schema.json", import.meta.url),
  `${JSON.stringify(CONFIG_SCHEMA, undefined, 2)}\n`,
);
