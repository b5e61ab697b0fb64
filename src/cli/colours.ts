/** Text styles, on a terminal only (no-color.org: any NO_COLOR that is not empty switches them off). */

export interface Colours {
  bold(text: string): string;
  dim(text: string): string;
  green(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
}

/** The styles that a stream should be given. */
export function coloursFor(stream: { readonly isTTY?: boolean }, environment: NodeJS.ProcessEnv): Colours {
  const wanted = stream.isTTY === true && !environment.NO_COLOR && environment.TERM !== "dumb";
  // ECMA-48 8.3.117, SGR: a number to switch a style on, and one to switch it off.
  const style = (on: number, off: number) => (text: string) => (wanted ? `\x1b[${on}m${text}\x1b[${off}m` : text);
  return { bold: style(1, 22), dim: style(2, 22), green: style(32, 39), red: style(31, 39), yellow: style(33, 39) };
}
