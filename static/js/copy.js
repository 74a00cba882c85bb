// Copy buttons that say what happened.

/**
 * @param {HTMLElement} button
 * @param {() => string} text
 * @param {() => void} [onCopied]
 */
export function wireCopy(button, text, onCopied) {
  const label = button.textContent ?? "";
  let timer = 0;
  button.addEventListener("click", async () => {
    const copied = await copyText(text());
    button.textContent = copied ? "Copied" : "Please select and copy it";
    announce(copied ? "Copied" : "The browser did not allow copying. Please select the text and copy it.");
    if (copied) onCopied?.();
    clearTimeout(timer);
    timer = window.setTimeout(() => (button.textContent = label), 2500);
  });
}

/** @param {string} text */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Says something to screen readers only.
 * @param {string} text
 */
function announce(text) {
  let place = document.getElementById("announcer");
  if (!place) {
    place = document.createElement("p");
    place.id = "announcer";
    place.className = "only-read-aloud";
    place.setAttribute("role", "status");
    document.getElementById("main")?.append(place);
  }
  place.textContent = text;
}
