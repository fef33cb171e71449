// Asks the browser for what this page's step wants, when the person says so.
"use strict";

const go = document.getElementById("go");
const said = document.getElementById("said");
const number = document.getElementById("number");

// The address that the terminal shows has the number as well.
if (number) {
  number.value = location.hash.slice(1);
}

// post sends body to this page's server, and returns what it says.
async function post(where, body) {
  const headers = number ? { "Scrim-Number": number.value.replace(/\D/g, "") } : {};
  const answer = await fetch(where, { method: "POST", body, headers });
  const told = await answer.json();
  if (!answer.ok) {
    throw Object.assign(new Error(told.error), { again: answer.status === 409 });
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

document.getElementById("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  go.disabled = true;
  said.textContent = "Waiting for your passkey …";
  try {
    go.disabled = await step();
  } catch (error) {
    said.textContent = error.again ? error.message : `It did not work: ${error.message}`;
    go.disabled = !error.again;
  }
});

if (!window.PublicKeyCredential || !PublicKeyCredential.parseCreationOptionsFromJSON) {
  go.disabled = true;
  said.textContent = "This browser is too old for passkeys: use another one, or a PIN on the terminal.";
}
