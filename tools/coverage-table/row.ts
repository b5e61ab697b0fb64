/** One line of a table: their names, with spaces between, and what is ours. Names in backticks there must exist. */
export type Row = readonly [theirs: string, ours: string];

/** The single names of a row. */
export function namesOf([theirs]: Row): string[] {
  return theirs.split(" ");
}

/** What stands in backticks. */
export function quotedIn([, ours]: Row): string[] {
  return [...ours.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string);
}
