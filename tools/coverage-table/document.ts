/** The page of the guide that the tables make. */
import { PYTHON_MODULE, PYTHON_NOT_APPLICABLE, PYTHON_SOCKET } from "./python.ts";
import { namesOf, type Row } from "./row.ts";
import { SOCKET2_SOCKET, SOCKET2_TYPES } from "./socket2.ts";

/** The text of docs/guide/coverage.md. */
export function coveragePage(): string {
  return `# Coverage

What Python's \`socket\` module and Rust's \`socket2\` can do, and what here does the same. A test reads every name of the
Python at hand and looks for it here, and looks for every name in the right column in this package. The table is made by
\`npx tsx tools/coverage-table.ts\`.

In the right column \`Socket.recv\` is a method or property of \`Socket\`, and a name such as \`SO_LINGER\` an option for
\`getOption\` and \`setOption\`, or else a constant of \`portolan/abi\`.

## Python: functions and types of the module

${table("Python", PYTHON_MODULE)}

## Python: methods of its sockets

${table("Python", PYTHON_SOCKET)}

## Python: constants

Every constant of the module is one of \`portolan/abi\` with the same name and the same number (\`ETHERTYPE_IP\` is
\`ETH_P_IP\`), except:

${table("Python", PYTHON_NOT_APPLICABLE, "why not")}

## socket2: \`Socket\` and \`SockRef\`

Version 0.6 with the feature \`all\`, on Linux.

${table("socket2", SOCKET2_SOCKET)}

## socket2: addresses and other types

${table("socket2", SOCKET2_TYPES)}
`;
}

function table(whose: string, rows: readonly Row[], heading = "here"): string {
  const lines = rows.map((row) => {
    const theirs = namesOf(row).map((name) => `\`${name.replaceAll("|", "\\|")}\``);
    return `| ${theirs.join(", ")} | ${row[1]} |`;
  });
  return [`| ${whose} | ${heading} |`, "| --- | --- |", ...lines].join("\n");
}
