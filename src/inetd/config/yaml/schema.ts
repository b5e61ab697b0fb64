/** The YAML form, as a JSON schema: what its reader checks, and what editors read from share/inetd.schema.json. */
import { services } from "../../../service/index.ts";
import { DEFAULT_GLOBAL, DEFAULT_SERVICE_LIMITS } from "../../model.ts";
import { MAX_SERVICES, MAX_VALUES } from "../bounds.ts";

/** The part of JSON schema (2020-12) that is used here. */
export interface Schema {
  readonly $schema?: string;
  readonly title?: string;
  readonly description?: string;
  readonly type?: "array" | "boolean" | "integer" | "number" | "object" | "string";
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly maxItems?: number;
  readonly minItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | false;
  readonly maxProperties?: number;
  readonly anyOf?: readonly Schema[];
}

const MAX_TEXT_LENGTH = 131_072;
const MAX_BACKLOG = 65_535;
/** NUL ends texts in C; so no text for the system has one. */
const NO_NUL = "^[^\\u0000]*$";

const text = (description: string): Schema => ({
  description,
  type: "string",
  pattern: NO_NUL,
  maxLength: MAX_TEXT_LENGTH,
});
const path = (description: string): Schema => ({ ...text(description), pattern: "^/[^\\u0000]*$" });
const flag = (description: string): Schema => ({ description, type: "boolean" });
const list = (description: string, items: Schema): Schema => ({
  description,
  type: "array",
  items,
  maxItems: MAX_VALUES,
});
const whole = (description: string, minimum: number, maximum: number = Number.MAX_SAFE_INTEGER): Schema => ({
  description,
  type: "integer",
  minimum,
  maximum,
});
const unlimited: Schema = { const: "unlimited" };
const count = (description: string, minimum = 0): Schema => ({
  description,
  anyOf: [whole("A whole number.", minimum), unlimited],
});
const size = (description: string): Schema => ({
  description,
  anyOf: [
    whole("Bytes.", 0),
    unlimited,
    { description: "Such as 64K, 8M or 1G.", type: "string", pattern: "^[0-9]{1,9}[KMG]$" },
  ],
});
const octal = (description: string): Schema => ({ description, type: "string", pattern: "^0*[0-7]{1,4}$" });
const object = (description: string, properties: Readonly<Record<string, Schema>>): Schema => ({
  description,
  type: "object",
  properties,
  additionalProperties: false,
});

const logTarget: Schema = {
  description: "Where log records go: stderr, none, a file or the system's log.",
  anyOf: [
    { enum: ["stderr", "none"] },
    {
      ...object("A file, which is appended to.", {
        file: path("Its path."),
        softLimit: size("From this length on, a warning."),
        hardLimit: size("From this length on, nothing more."),
      }),
      required: ["file"],
    },
    {
      ...object("The system's log: syslog(3).", {
        syslog: text("The facility."),
        level: text("The level; info by default."),
      }),
      required: ["syslog"],
    },
  ],
};

const logFields = (description: string, names: readonly string[]): Schema => list(description, { enum: names });

const { instances, perSource, connectionsPerSecond, restSeconds, failures } = DEFAULT_SERVICE_LIMITS;

/** One service. */
export const SERVICE_SCHEMA: Schema = object("A service, by its id.", {
  name: text("What it is called, if not as its id."),
  disabled: flag("Whether it is left out."),
  listen: text(
    "An endpoint: tcp://127.0.0.1:7007, udp://[::1]:7007, unix:///run/x.sock, unix+dgram://…, unix+seqpacket://…",
  ),
  socket: text("In place of listen: the name (LISTEN_FDNAMES) of a socket that the super-server is started with."),
  type: { description: "Of that socket; stream by default.", enum: ["stream", "dgram", "seqpacket"] },
  backlog: whole("Connections that may wait to be accepted.", 0, MAX_BACKLOG),
  keepAlive: flag("SO_KEEPALIVE on connections."),
  noDelay: flag("TCP_NODELAY on connections."),
  v6Only: flag("IPV6_V6ONLY: whether an IPv6 socket leaves IPv4 alone."),
  mode: octal('Permissions of a unix socket\'s file, in quotes: "0660".'),
  program: path("The program that answers, with the socket as its descriptors 0, 1 and 2."),
  arguments: list("Its arguments, without its own name.", text("An argument.")),
  calledAs: text("Its own name, argv[0]; the last part of its path by default."),
  wait: flag(
    "Whether one program has the listening socket until it ends; else each connection or datagram has its own.",
  ),
  user: text("As whom it runs: a name or a number."),
  group: text("As which group, if not the user's own."),
  groups: {
    description: "Whether it has the user's supplementary groups; others: those, without the user's own group.",
    anyOf: [{ type: "boolean" }, { const: "others" }],
  },
  directory: path("Where it runs; / by default."),
  root: path("A new root for it: chroot(2)."),
  passEnvironment: list("What it gets of the super-server's environment; all by default.", text("A variable's name.")),
  environment: {
    description: "What is put into its environment.",
    type: "object",
    additionalProperties: text("A value."),
    maxProperties: MAX_VALUES,
  },
  umask: octal('Its umask, in quotes: "022".'),
  nice: whole("Its priority: nice(2).", -20, 19),
  rlimits: object("Its resource limits: setrlimit(2).", {
    addressSpace: size("RLIMIT_AS."),
    core: size("RLIMIT_CORE."),
    cpuSeconds: count("RLIMIT_CPU."),
    data: size("RLIMIT_DATA."),
    fileSize: size("RLIMIT_FSIZE."),
    openFiles: count("RLIMIT_NOFILE."),
    processes: count("RLIMIT_NPROC."),
    stack: size("RLIMIT_STACK."),
  }),
  activation: flag("Whether it gets the socket as descriptor 3, with LISTEN_FDS, in place of 0, 1 and 2."),
  errorsTo: {
    description: "Where its standard error goes: to the peer, as ever, or to ours.",
    enum: ["socket", "stderr"],
  },
  builtin: { description: "In place of a program: a service of ours.", enum: services.map(({ name }) => name) },
  options: { description: "What that service is told: portolan serve NAME --help lists it." },
  design: text("The server design of that service: portolan designs lists them."),
  redirect: text("In place of a program: the endpoint that connections are carried to."),
  access: object("Who may use it, and when. The most specific rule decides.", {
    onlyFrom: list(
      "Who may; anybody by default.",
      text("An address, a range such as 10.0.0.0/8, a host or a .domain."),
    ),
    noAccess: list("Who may not.", text("As in onlyFrom.")),
    times: list("When, in local time; always by default.", text("Such as 8:30-17:00.")),
  }),
  limits: object("How much there may be of it.", {
    instances: count(`At a time; ${instances} by default.`),
    perSource: count(`The same for one source address; ${perSource} by default.`),
    connectionsPerSecond: count(`Before it rests; ${connectionsPerSecond} by default.`, 1),
    connectionsPerMinute: count("Before it rests; unlimited by default.", 1),
    restSeconds: whole(`How long it rests; ${restSeconds} by default.`, 1),
    maxLoad: { description: "Load average from which on nobody is let in.", type: "number", minimum: 0 },
    failures: count(`Failures within restSeconds before it rests; ${failures} by default.`, 1),
  }),
  log: object("What is put on record, and where.", {
    to: logTarget,
    onSuccess: logFields("When it is used.", ["PID", "HOST", "USERID", "EXIT", "DURATION", "TRAFFIC"]),
    onFailure: logFields("When somebody is turned away.", ["HOST", "USERID", "ATTEMPT", "RECORD"]),
  }),
  banners: object("Files whose text a peer is sent.", {
    always: path("To everybody."),
    onSuccess: path("To who is let in."),
    onFailure: path("To who is turned away."),
  }),
});

/** The whole file. */
export const CONFIG_SCHEMA: Schema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "The super-server of Portolan",
  ...object("What portolan inetd serves.", {
    $schema: text("Where this schema is, for editors."),
    maxInstances: whole(`Programs at one time, of all services; ${DEFAULT_GLOBAL.maxInstances} by default.`, 1),
    log: logTarget,
    services: {
      description: "The services, by their ids.",
      type: "object",
      additionalProperties: SERVICE_SCHEMA,
      maxProperties: MAX_SERVICES,
    },
  }),
  required: ["services"],
};
