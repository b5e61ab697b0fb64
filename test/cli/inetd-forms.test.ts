/** One meaning in three forms: what is converted to YAML is served as the original is. */
import { mkdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { ask } from "../support/inetd-kit.ts";
import { portolan, scratchFolder, start } from "./portolan.ts";

afterAll(() => closeThreadReactor());

const user = userInfo().username;

describe("YAML is served", () => {
  it("that was written by hand, on ports that the kernel chooses", async () => {
    using folder = scratchFolder();
    const path = join(folder.path, "inetd.yaml");
    const text = `services:
  upper:
    listen: tcp://127.0.0.1:0
    program: /usr/bin/tr
    arguments: [a-z, A-Z]
    access: {onlyFrom: [127.0.0.0/8]}
  closed:
    listen: tcp://127.0.0.2:0
    program: /bin/cat
    access: {noAccess: [127.0.0.0/8]}
    banners: {onFailure: ${folder.path}/sorry}
  variables:
    listen: unix://${folder.path}/variables.sock
    program: /usr/bin/env
    passEnvironment: []
    environment: {GREETING: "hello: you"}
    umask: "027"
`;
    writeFileSync(path, text);
    writeFileSync(join(folder.path, "sorry"), "not for you\n");
    await using program = start(["inetd", "--config", path, "--json"]);
    const [upper, closed, variables] = await program.listening(3);
    expect(await ask(upper?.endpoint ?? "", "hello\n")).toBe("HELLO\n");
    expect(await ask(closed?.endpoint ?? "", "")).toBe("not for you\n");
    expect(await ask(variables?.endpoint ?? "", "")).toBe("GREETING=hello: you\n");
  });

  it("that the classic form and xinetd's were converted to", async () => {
    using folder = scratchFolder();
    const classic = join(folder.path, "inetd.conf");
    writeFileSync(classic, `${folder.path}/tr.sock stream unix nowait ${user} /usr/bin/tr tr a-z A-Z\n`);
    const { stdout } = await portolan(["inetd", "convert", classic]);
    const converted = join(folder.path, "converted.yaml");
    writeFileSync(converted, stdout);
    await using program = start(["inetd", "--config", converted, "--json"]);
    const [service] = await program.listening(1);
    expect(await ask(service?.endpoint ?? "", "hello\n")).toBe("HELLO\n");

    // A folder of stanzas, as distributions have it.
    const stanzas = join(folder.path, "xinetd.d");
    mkdirSync(stanzas);
    writeFileSync(
      join(stanzas, "upper"),
      `service upper\n{\ntype = UNLISTED\nsocket_type = stream\nwait = no\nport = 1999\nuser = ${user}\nserver = /usr/bin/tr\n}\n`,
    );
    const xinetd = join(folder.path, "xinetd.conf");
    writeFileSync(xinetd, `includedir ${stanzas}\n`);
    const { status, stdout: text } = await portolan(["inetd", "convert", xinetd]);
    expect(status).toBe(0);
    expect(text).toContain(`# ${stanzas}/upper:1\n`);
    expect(text).toContain(":1999\n");
  });
});
