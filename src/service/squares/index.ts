/**
 * Squares: one board for all clients, whichever threads or processes serve them. Conversations ask its one owner, so no
 * claim is lost; the unsafe board is asked twice for each claim, and loses some.
 */
import { SQUARES_RESOURCE, squaresBoard, squaresStream, unsafeSquaresBoard } from "../../protocol/index.ts";
import type { Service } from "../../server/index.ts";
import { optionValues } from "../service-options.ts";
import { squaresEntry, squaresOptions } from "./entry.ts";

/** The board of squares as a service. */
export const squares: Service = {
  name: squaresEntry.name,
  summary: squaresEntry.summary,
  port: squaresEntry.port,
  stream(options) {
    const { unsafe, think } = optionValues(squaresOptions, options) as {
      readonly unsafe: boolean;
      readonly think: number;
    };
    return squaresStream({ isUnsafe: unsafe, thinkMs: think });
  },
  resources: (options) => ({
    [SQUARES_RESOURCE]: optionValues(squaresOptions, options).unsafe === true ? unsafeSquaresBoard : squaresBoard,
  }),
};
