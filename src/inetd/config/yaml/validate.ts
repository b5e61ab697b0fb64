/** Values against a schema, with the line of each fault. */
import { nearest } from "../../../service/index.ts";
import { type Problems, quote } from "../problems.ts";
import type { Located } from "./locate.ts";
import type { Schema } from "./schema.ts";

/**
 * Tells of everything in a value that the schema does not allow.
 * @param what the value is called, such as `services.echo.listen`.
 */
export function validate(located: Located, schema: Schema, what: string, file: string, problems: Problems): void {
  new Validator(file, problems).check(located, schema, what);
}

class Validator {
  readonly #file: string;
  readonly #problems: Problems;

  constructor(file: string, problems: Problems) {
    this.#file = file;
    this.#problems = problems;
  }

  check(located: Located, schema: Schema, what: string): void {
    const { anyOf } = schema;
    if (anyOf !== undefined) {
      const fitting = anyOf.find((one) => hasShape(located, one) && hasRequired(located, one));
      if (fitting === undefined) this.#wrong(located, schema, what);
      else this.check(located, fitting, what);
      return;
    }
    if (!hasShape(located, schema)) {
      this.#wrong(located, schema, what);
      return;
    }
    const { value } = located;
    if (value instanceof Map) this.#checkMap(located, schema, what);
    else if (Array.isArray(value)) this.#checkList(located, schema, what);
    else if (!isAllowed(value as string | number | boolean | null, schema)) this.#wrong(located, schema, what);
  }

  #checkMap({ line, value }: Located, schema: Schema, what: string): void {
    if (!(value instanceof Map)) return;
    const { properties = {}, additionalProperties, maxProperties = Number.POSITIVE_INFINITY, required = [] } = schema;
    if (value.size > maxProperties) this.#tell(line, `${what} has more than ${maxProperties} entries`);
    for (const name of required) {
      if (!value.has(name)) this.#tell(line, `${what} has no ${name}`);
    }
    for (const [name, { key, entry }] of value) {
      const known = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
      const inner = what === TOP ? name : `${what}.${name}`;
      if (known === false) {
        const near = nearest(name, Object.keys(properties));
        const cure = near === undefined ? `it has: ${Object.keys(properties).join(", ")}` : `did you mean ${near}?`;
        this.#tell(key, `${what} has no ${quote(name)}`, cure);
      } else if (known !== undefined) this.check(entry, known, inner);
    }
  }

  #checkList(
    { line, value }: Located,
    { items, maxItems = Number.POSITIVE_INFINITY, minItems = 0 }: Schema,
    what: string,
  ): void {
    if (!Array.isArray(value)) return;
    const list = value as readonly Located[];
    if (list.length > maxItems || list.length < minItems) {
      this.#tell(line, `${what} has ${list.length} entries, and may have ${minItems} to ${maxItems}`);
    }
    if (items !== undefined) list.forEach((item, index) => void this.check(item, items, `${what}[${index}]`));
  }

  #wrong({ line, value }: Located, schema: Schema, what: string): void {
    const given = value instanceof Map ? "a map" : Array.isArray(value) ? "a list" : JSON.stringify(value).slice(0, 60);
    this.#tell(line, `${what} is ${given}, not ${describe(schema)}`, cureFor(value, schema));
  }

  #tell(line: number, message: string, cure?: string): void {
    this.#problems.error({ file: this.#file, line }, message, cure);
  }
}

/** What the whole file is called. */
export const TOP = "the file";

/** Whether a value is of the kind that a schema is about, so that its faults are worth telling. */
function hasShape({ value }: Located, schema: Schema): boolean {
  const { type, enum: values } = schema;
  if (schema.const !== undefined) return value === schema.const;
  if (type === undefined && values === undefined) return true;
  if (type === "object") return value instanceof Map;
  if (type === "array") return Array.isArray(value);
  if (type === "boolean") return typeof value === "boolean";
  if (type === "integer") return Number.isInteger(value);
  if (type === "number") return typeof value === "number" && Number.isFinite(value);
  return typeof value === "string";
}

/** Of several maps, the one whose necessary keys are there. */
function hasRequired({ value }: Located, { required = [] }: Schema): boolean {
  return !(value instanceof Map) || required.every((name) => value.has(name));
}

function isAllowed(value: string | number | boolean | null, schema: Schema): boolean {
  if (typeof value === "number") {
    const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
    return value >= minimum && value <= maximum;
  }
  if (typeof value !== "string") return true;
  const { enum: values, pattern, maxLength = Number.POSITIVE_INFINITY } = schema;
  if (values !== undefined && !values.includes(value)) return false;
  return value.length <= maxLength && (pattern === undefined || new RegExp(pattern, "su").test(value));
}

function describe(schema: Schema): string {
  const { anyOf, type, enum: values, minimum, maximum, description = "" } = schema;
  if (anyOf !== undefined) return anyOf.map(describe).join(", or ");
  if (schema.const !== undefined) return schema.const;
  if (values !== undefined) return `one of ${values.join(", ")}`;
  switch (type) {
    case "boolean":
      return "true or false";
    case "integer":
      return maximum === Number.MAX_SAFE_INTEGER
        ? `a whole number from ${minimum} on`
        : `a whole number from ${minimum} to ${maximum}`;
    case "number":
      return `a number${minimum === undefined ? "" : ` from ${minimum} on`}`;
    case "array":
      return "a list";
    case "object":
      return "a map";
    default:
      return `a text (${description.replace(/\.$/, "")})`;
  }
}

function cureFor(value: unknown, { type, pattern }: Schema): string | undefined {
  if (type === "string" && typeof value === "number") return pattern === undefined ? undefined : "put it in quotes";
  if (type === "boolean" && (value === "yes" || value === "no")) return `write ${value === "yes"}`;
  return undefined;
}
