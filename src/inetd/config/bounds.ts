/** Bounds of configurations: far above what anybody writes, and small enough that a wrong file does no harm. */

export const MAX_FILE_BYTES = 4_194_304;
/** Of one configuration, its included files together. */
export const MAX_SERVICES = 4096;
/** That one reading tells of; the rest is a number. */
export const MAX_PROBLEMS = 1000;
/** Of one program, one list of addresses, one environment. */
export const MAX_VALUES = 4096;
