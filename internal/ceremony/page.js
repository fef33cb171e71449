// Asks the browser for what this page's step wants, when the person says so.
"use strict";

const go = document.getElementById("go");
const said = document.getElementById("said");

// post sends body to this page's server, and returns what it says.
async function post(where, body) {
  const answer = await fetch(where, { method: "POST", body });
  const told = await answer.json();
  if (!answer.ok) {
    throw new Error(told.error);
  }
  return told;
}

// passkey has the browser make one, or sign with one.
async function passkey(asked) {
  if (asked.make) {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(asked.options);
    return navigator.credentials.create({ publicKey });
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(asked.options);
  return navigator.credentials.get({ publicKey });
}

// why says what kept the browser from it.
function why(error) {
  switch (error.name) {
    case "NotAllowedError":
      return "Nothing was done: it was cancelled, or took too long. Try again.";
    case "InvalidStateError":
      return "This passkey is enrolled already: use another one.";
    case "NotSupportedError":
    case "ConstraintError":
      return "This device makes no passkey that asks who holds it: use another one.";
    default:
      return `The browser made nothing of it (${error.name}). Try again, or another browser.`;
  }
}

async function step() {
  const asked = await post("options");
  let made;
  try {
    made = await passkey(asked);
  } catch (error) {
    said.textContent = why(error);
    return false;
  }
  const told = await post("answer", JSON.stringify(made.toJSON()));
  if (!told.done) {
    location.reload();
    return true;
  }
  said.textContent = "Done. You can close this page.";
  return true;
}

go.addEventListener("click", async () => {
  go.disabled = true;
  said.textContent = "Waiting for your passkey …";
  try {
    go.disabled = await step();
  } catch (error) {
    said.textContent = `It did not work: ${error.message}`;
  }
});

if (!window.PublicKeyCredential || !PublicKeyCredential.parseCreationOptionsFromJSON) {
  go.disabled = true;
  said.textContent = "This browser is too old for passkeys: use another one, or a PIN on the terminal.";
}
