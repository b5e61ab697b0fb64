/** Completion, asked of the shells themselves: what they offer after the beginning of a command line. */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { beforeAll, describe, expect, it, type TestContext } from "vitest";
import type { Context } from "../../src/cli/context.ts";
import { verbs } from "../../src/cli/verbs.ts";
import { designs } from "../../src/server/index.ts";
import { services } from "../../src/service/index.ts";
import { needs, Program, portolan, root, scratchFolder } from "./portolan.ts";

const names = services.map(({ name }) => name);
const startingWith = (start: string): string[] => names.filter((name) => name.startsWith(start));
const shared = readdirSync(`${root}share`).map((name) => `share/${name}`);

/** Command lines up to the cursor, and the words that are offered in place of the last. */
const cases: readonly (readonly [string, readonly string[]])[] = [
  ["portolan se", ["serve", "services"]],
  ["portolan serve ec", ["echo"]],
  ["portolan serve echo --design ", designs.map(({ name }) => name)],
  ["portolan serve echo --design=ur", ["--design=uring"]],
  ["portolan serve --design epoll ech", ["echo"]],
  ["portolan serve --listen tcp://127.0.0.1:7007 dayt", ["daytime"]],
  ["portolan serve daytime --form ", ["ctime", "smtp", "weekday"]],
  ["portolan serve daytime --fo", ["--form"]],
  ["portolan serve daytime --form=s", ["--form=smtp"]],
  ["portolan serve echo --form=s", []],
  ["portolan addr ", ["bind", "convert", "help", "order"]],
  ["portolan help call dayt", ["daytime"]],
  ["portolan call ec", ["echo"]],
  ["portolan call rot13 --lookup ", ["classic", "modern"]],
  ["portolan up --only rot", startingWith("rot")],
  ["portolan up --only echo,rot", startingWith("rot").map((name) => `echo,${name}`)],
  ["portolan demo zom", ["zombies"]],
  ["portolan nc host 80 --sigpipe ", ["default", "ignore"]],
  ["portolan resolve localhost --family ", ["inet", "inet6"]],
  ["portolan inetd convert --to ", ["json", "yaml"]],
  ["portolan bench designs --designs node", ["node-net"]],
  ["portolan errors ECONNR", ["ECONNREFUSED", "ECONNRESET"]],
  ["portolan completion ", ["bash", "fish", "zsh"]],
  ["portolan inetd check share/xin", ["share/xinetd.conf"]],
  ["portolan inetd --config share/", shared],
  ["portolan inetd --config=share/xin", ["--config=share/xinetd.conf"]],
  ["portolan serve nothing --design ur", ["uring"]],
  ["portolan up --port-offset ", []],
];

/** What a shell offers after each of these lines. */
type Ask = (lines: readonly string[]) => Promise<string[][]>;

const scripts: Record<string, string> = {};
beforeAll(async () => {
  for (const shell of ["bash", "fish", "zsh"]) {
    const { status, stdout, stderr } = await portolan(["completion", shell]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    scripts[shell] = stdout;
  }
});

/** bash parts a line at spaces, and at = and : into pieces of their own, as COMP_WORDBREAKS has it. */
const askBash: Ask = async (lines) => {
  const questions = lines.map((line) => {
    const pieces = line.match(/[^\s=:]+|[=:]+/g) ?? [];
    const words = line.endsWith(" ") ? [...pieces, ""] : pieces;
    return `COMP_LINE='${line}' COMP_POINT=${line.length} COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})
      COMP_CWORD=${words.length - 1} COMPREPLY=(); _portolan 2>&1; printf '%s\\n' "\${COMPREPLY[@]}" @`;
  });
  const answers = await answersOf("bash", ["--norc"], [scripts.bash ?? "", "complete -p portolan >&2", ...questions]);
  // What stands before = or : in the last word is not replaced.
  return answers.map((offered, index) => {
    const kept = /\S*[=:](?=[^\s=:]*$)/.exec(lines[index] ?? "")?.[0] ?? "";
    return offered.map((word) => `${kept}${word}`);
  });
};

const askFish: Ask = async (lines) => {
  const questions = lines.map((line) => `complete -C '${line}' | string replace -r '\\t.*' ''; echo @`);
  return await answersOf("fish", ["--no-config"], [scripts.fish ?? "", ...questions]);
};

/** zsh completes in its line editor only, which wants a terminal: one that zsh itself makes, zshmodules(1). */
const askZsh: Ask = async (lines) => {
  using folder = scratchFolder();
  const answers = join(folder.path, "answers");
  const inner = `
    exec 3> ${answers}
    autoload -Uz compinit && compinit -D -u
    ${scripts.zsh}
    compadd() {
      local -a offered
      # With these options matches are only counted, and added later.
      if (( ! \${@[(I)-[ADO]]} )); then
        builtin compadd -O offered "$@"
        # A path comes in two parts.
        local at=\${@[(i)-p]} front= word
        (( at < $# )) && front=\${@[at + 1]}
        for word in $offered; do print -r -- "$IPREFIX$front$word" >&3; done
      fi
      builtin compadd "$@"
    }
    complete-quietly() { _main_complete; compstate[insert]= compstate[list]= }
    zle -C complete-quietly list-choices complete-quietly
    ask() {
      for BUFFER in ${lines.map((line) => `'${line}'`).join(" ")}; do
        CURSOR=$#BUFFER
        zle complete-quietly
        print @ >&3
      done
      exit
    }
    zle -N zle-line-init ask
  `;
  const script = join(folder.path, "inner.zsh");
  writeFileSync(script, inner);
  const outer = ["zmodload zsh/zpty", "zpty inner zsh -f -i", `zpty -w inner 'source ${script}'`];
  return await answersOf("zsh", ["-f"], [...outer, "while zpty -r inner; do; done >&2", `cat ${answers}`]);
};

/** Runs a script, whose output has a line for each word that is offered, and @ after each answer. */
async function answersOf(shell: string, args: readonly string[], script: readonly string[]): Promise<string[][]> {
  using folder = scratchFolder();
  const file = join(folder.path, "questions");
  writeFileSync(file, script.join("\n"));
  await using program = new Program(shell, [...args, file], { HOME: folder.path });
  program.endInput();
  const { status, stdout, stderr } = await program.end();
  expect(status, stderr).toBe(0);
  const answers = stdout.split(/^@\n/m).slice(0, -1);
  return answers.map((answer) => [...new Set(answer.split("\n").filter(Boolean))].sort());
}

/** Every command and flag that the parser has: the words before it, and it. */
async function everything(): Promise<[path: string, word: string][]> {
  const found: [string, string][] = verbs.map(({ name }) => ["", name]);
  for (const entry of verbs) {
    const define = async (...rest: string[]): Promise<Command> => {
      const command = new Command(entry.name);
      const setup = { context: {} as Context, self: "portolan", rest, finish: () => {} };
      await (await entry.load()).define(command, setup);
      return command;
    };
    const add = (path: string, { commands, options }: Command): void => {
      for (const command of commands) found.push([path, command.name()]);
      for (const { long } of options) if (long) found.push([path, long]);
    };
    const base = await define();
    add(entry.name, base);
    for (const name of entry.name === "serve" ? names : base.commands.map((child) => child.name())) {
      const command = await define(name);
      add(`${entry.name} ${name}`, command.commands.find((child) => child.name() === name) ?? command);
    }
  }
  return found;
}

describe.each([
  ["bash", askBash],
  ["fish", askFish],
  ["zsh", askZsh],
] as const)("completion in %s", (shell, ask) => {
  it("offers the words that fit", async (context: TestContext) => {
    needs(context, shell);
    const answers = await ask(cases.map(([line]) => line));
    const offered = cases.map(([line], index) => [line, answers[index]?.map((word) => word.replace(/\/$/, ""))]);
    expect(offered).toEqual(cases.map(([line, words]) => [line, [...words].sort()]));
  });

  it("offers every command and every flag that the parser knows", async (context: TestContext) => {
    needs(context, shell);
    const known = await everything();
    expect(known.length).toBeGreaterThan(200);
    const paths = [...new Set(known.map(([path]) => path))];
    const lines = paths.flatMap((path) => ["", "--"].map((start) => `portolan ${path} ${start}`.replace("  ", " ")));
    const answers = await ask(lines);
    const offered = new Map(paths.map((path, index) => [path, answers.slice(2 * index, 2 * index + 2).flat()]));
    expect(known.filter(([path, word]) => !offered.get(path)?.includes(word))).toEqual([]);
  });
});
