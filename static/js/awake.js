// Keeps the screen, and with it the machine, from falling asleep while something long is under way, where browsers allow it.

/** @returns {() => void} ends it */
export function stayAwake() {
  let over = false;
  /** @type {any} */
  let held = null;
  const hold = async () => {
    if (over || document.visibilityState !== "visible") return;
    try {
      held = await /** @type {any} */ (navigator).wakeLock?.request("screen");
      if (over) held?.release();
    } catch {
      // A low battery, or a setting: the work goes on without.
    }
  };
  // The browser lets go whenever the page is hidden.
  document.addEventListener("visibilitychange", hold);
  hold();
  return () => {
    over = true;
    document.removeEventListener("visibilitychange", hold);
    held?.release();
  };
}
