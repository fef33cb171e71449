// What the page does beyond a form: a passkey, the time that is left, and one
// answer for one click. Without this file the PIN and the no work all the same.
"use strict";

const yes = document.getElementById("yes");
const key = document.getElementById("key");

// The time left, by the second.
const until = document.getElementById("until");
if (until) {
  const left = document.getElementById("left");
  const end = Date.parse(until.dateTime);
  const count = () => {
    const seconds = Math.max(0, Math.floor((end - Date.now()) / 1000));
    left.textContent = seconds === 0
      ? "it is over"
      : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left`;
    if (seconds > 0) setTimeout(count, 1000);
  };
  count();
}

// A second click would be a second answer.
const sent = () => {
  for (const button of document.querySelectorAll("button")) button.disabled = true;
};
for (const form of document.forms) form.addEventListener("submit", () => setTimeout(sent));
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("button")) button.disabled = false;
});

const trouble = (text) => {
  document.getElementById("key-trouble").textContent = text;
};

// The passkey signs what the server asks for this question, once.
const sign = async () => {
  const response = await fetch(`${yes.getAttribute("action")}/challenge`, {
    method: "POST",
    body: new URLSearchParams({ token: yes.elements.token.value }),
  });
  if (!response.ok) {
    location.reload();
    return;
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(await response.json());
  const credential = await navigator.credentials.get({ publicKey });
  document.getElementById("assertion").value = JSON.stringify(credential.toJSON());
  if (yes.elements.pin) yes.elements.pin.value = "";
  sent();
  yes.submit();
};

if (key) {
  document.getElementById("with-key").hidden = false;
  key.addEventListener("click", async () => {
    trouble("");
    if (!globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON) {
      trouble("This browser is too old for passkeys here. Use the PIN, or another browser.");
      return;
    }
    key.disabled = true;
    try {
      await sign();
    } catch {
      trouble("The passkey did not answer. Nothing was approved; you can try again.");
      key.disabled = false;
    }
  });
}
