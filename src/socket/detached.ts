/**
 * Memory that was given away: a view whose ArrayBuffer was transferred (structuredClone, postMessage) has no bytes left.
 * Left alone, a receive into it would return 0, which is how a stream ends, and a send would send nothing. Only a view
 * without bytes can be one, so whoever has some pays for one comparison.
 */

/** Whether the memory of a view was transferred. */
export function isDetached(view: Uint8Array): boolean {
  if (view.length > 0) return false;
  try {
    // The only way to ask that every supported Node has: nothing can be made over such memory.
    new Uint8Array(view.buffer);
    return false;
  } catch {
    return true;
  }
}

/** The view. @throws TypeError where its memory was transferred. */
export function attached<View extends Uint8Array>(view: View): View {
  if (view.length === 0 && isDetached(view)) {
    throw new TypeError("the memory of this view was transferred: its ArrayBuffer is detached");
  }
  return view;
}
