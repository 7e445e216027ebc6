// What the small pages do, each by the name in its `data-task`. Everything goes through the API, as any other client does it.
"use strict";

const API = "/api/gateway/v1";
const root = document.querySelector("[data-task]");
const find = (name) => root.querySelector(`[data-${name}]`);

/** Shows the first element with this mark, or hides it. */
function show(name, visible = true) {
  const element = find(name);
  if (element) element.hidden = !visible;
}

/** Puts a text, and only a text, into every element with this mark. */
function fill(name, text) {
  for (const element of root.querySelectorAll(`[data-${name}]`)) element.textContent = text;
}

function fail(error) {
  fill("said", "");
  fill("failed", error.message);
}

function say(text) {
  fill("failed", "");
  fill("said", text);
}

/** An error of the API, in the words of its answer. */
class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function call(method, path, body) {
  const headers = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(API + path, {
      method,
      headers,
      credentials: "same-origin",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Refusal(0, "The server cannot be reached. Please try again.");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(response.status, answer.message || `The server answered with ${response.status}.`);
  return answer;
}

const segment = encodeURIComponent;

/** A parameter of the address that opens something: it leaves the address at once, and with it the history. */
function secretOf(name) {
  const value = new URLSearchParams(location.search).get(name);
  if (value) history.replaceState(null, "", location.pathname);
  return value;
}

/** Runs a form's work once at a time and shows what goes wrong. */
function onSubmit(form, work) {
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    if (button.disabled) return;
    button.disabled = true;
    say("");
    try {
      await work(Object.fromEntries(new FormData(form)));
    } catch (error) {
      fail(error);
    } finally {
      button.disabled = false;
    }
  });
}

function onClick(button, work) {
  button?.addEventListener("click", async () => {
    button.disabled = true;
    say("");
    try {
      await work();
    } catch (error) {
      fail(error);
    } finally {
      button.disabled = false;
    }
  });
}

/** What this browser calls itself. A sign-in from another one needs a code. */
function device() {
  const known = [["Firefox", /Firefox\//], ["Edge", /Edg\//], ["Opera", /OPR\//], ["Chrome", /Chrom(e|ium)\//], ["Safari", /Safari\//]];
  const browserName = known.find(([, mark]) => mark.test(navigator.userAgent))?.[0] ?? "Browser";
  return { browserName, deviceType: matchMedia("(pointer: coarse)").matches ? "mobile" : "browser" };
}

/** Who is signed in; nothing if nobody is. */
async function currentUser() {
  try {
    return (await call("GET", "/auth/currentuser")).user;
  } catch (error) {
    if (error.status === 401) return undefined;
    throw error;
  }
}

/** Asks for name and password, and for a code if one is wanted; then goes on with who it is. */
function signIn(then) {
  show("signed-in", false);
  show("sign-in");
  show("credentials");
  const signedIn = (user) => {
    show("sign-in", false);
    fill("failed", "");
    return then(user);
  };
  const credentials = find("credentials");
  const code = find("code");
  credentials.querySelector("input").focus();
  if (credentials.dataset.ready) return;
  credentials.dataset.ready = "yes";
  onSubmit(credentials, async ({ username, password }) => {
    const answer = await call("POST", "/auth/signin", { username: username.trim(), password, ...device() });
    if (answer.user) {
      credentials.reset();
      return signedIn(answer.user);
    }
    // A code is wanted: the mailed one, or the authenticator's.
    fill("asked", answer.message.startsWith("OTP") ? "This browser is new to your account: enter the code we mailed you." : answer.message);
    credentials.reset();
    show("credentials", false);
    show("code");
    code.querySelector("input").focus();
  });
  onSubmit(code, async (fields) => {
    const user = await verifyCode(fields);
    code.reset();
    show("code", false);
    return signedIn(user);
  });
}

async function verifyCode({ code }) {
  return (await call("PUT", `/auth/verify-otp/${segment(code.replace(/\s/g, ""))}`, device())).user;
}

/** Shows what only some may see: whoever is not signed in is asked to first. */
async function withUser(work) {
  const user = await currentUser();
  if (user) return work(user);
  say("Sign in to see it.");
  signIn(async (user) => {
    say("");
    await work(user);
  });
}

/** An element with texts and elements in it. Texts stay texts, whoever wrote them. */
function make(tag, marks, ...parts) {
  const element = document.createElement(tag);
  Object.assign(element, marks);
  element.append(...parts.filter((part) => part !== undefined && part !== null));
  return element;
}

function facts(pairs) {
  const list = make("dl", {});
  for (const [name, value] of pairs) {
    if (value !== undefined && value !== null && value !== "") list.append(make("dt", {}, name), make("dd", {}, value));
  }
  return list;
}

const dollars = (amount) => `$${Number(amount).toFixed(2)}`;
const day = (text) => {
  const date = new Date(text);
  if (Number.isNaN(date.valueOf())) return text;
  return date.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
};

function button(label, kind, work) {
  const made = make("button", { type: "button", className: kind }, label);
  onClick(made, work);
  return made;
}

/** A link to what somebody uploaded; nothing if the address is none of the web. */
function fileLink(address, name) {
  if (!/^(https?:\/\/|\/(?!\/))/.test(address ?? "")) return undefined;
  return make("p", {}, make("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, name || "File"));
}

function replaceLoaded(...parts) {
  const place = find("loaded");
  place.replaceChildren(...parts.filter(Boolean));
  place.hidden = false;
}

const STATES = { "in progress": "in progress", Delivered: "delivered, waits for the buyer", Completed: "completed", Cancelled: "cancelled" };

async function showOrder(id, user) {
  const { order } = await call("GET", `/order/${segment(id)}`);
  const isBuyer = order.buyerUsername.toLowerCase() === user.username.toLowerCase();
  const asked = order.requestExtension;
  const again = async (path, body) => {
    await call("PUT", path, body);
    await showOrder(id, user);
    say("Done.");
  };
  const parts = [
    make("h2", {}, order.offer.gigTitle),
    facts([
      ["Order", order.orderId],
      [isBuyer ? "Seller" : "Buyer", isBuyer ? order.sellerUsername : order.buyerUsername],
      ["State", order.state === "AwaitingPayment" ? "waits for the payment" : STATES[order.status] ?? order.status],
      ["Due", day(order.offer.newDeliveryDate)],
      ["Price", dollars(order.price)],
      ["Service fee", isBuyer ? dollars(order.serviceFee) : ""],
      ["Total", isBuyer ? dollars(order.price + order.serviceFee) : ""],
      ["Wishes", order.requirements],
    ]),
    make("p", { className: "message" }, order.offer.description),
  ];
  for (const work of order.deliveredWork) {
    parts.push(make("section", { className: "card" }, make("h2", {}, "Delivered work"), make("p", {}, work.message ?? ""), fileLink(work.file, work.fileName)));
  }
  if (asked.newDate) {
    const body = { ...asked, deliveryDateUpdate: asked.newDate };
    const card = make("section", { className: "card" }, make("h2", {}, isBuyer ? `${order.sellerUsername} asks for more time` : "You asked for more time"),
      facts([["Until now", day(asked.originalDate)], ["Asked for", day(asked.newDate)], ["Because", asked.reason]]));
    if (isBuyer) {
      card.append(make("div", { className: "actions" },
        button("Agree", "", () => again(`/order/gig/approve/${segment(id)}`, body)),
        button("Refuse", "second", () => again(`/order/gig/reject/${segment(id)}`, body))));
    }
    parts.push(card);
  }
  if (isBuyer && order.status === "Delivered") {
    parts.push(make("div", { className: "actions" }, button("Approve the work", "", () => again(`/order/approve-order/${segment(id)}`, {}))));
  }
  replaceLoaded(...parts);
}

async function showConversation(id, user) {
  const { messages } = await call("GET", `/message/${segment(id)}`);
  if (messages.length === 0) return say("There is no such conversation of yours.");
  replaceLoaded(...messages.map((message) => {
    const isOwn = message.senderUsername.toLowerCase() === user.username.toLowerCase();
    const card = make("article", {},
      make("p", { className: "soft" }, `${isOwn ? "You" : message.senderUsername} · ${day(message.createdAt)}`),
      message.body ? make("p", { className: "message" }, message.body) : undefined,
      fileLink(message.file, message.fileName));
    if (message.hasOffer) card.append(...offer(message, isOwn, () => showConversation(id, user)));
    return card;
  }));
}

function offer(message, isOwn, reload) {
  const { gigTitle, price, description, deliveryInDays, accepted, cancelled } = message.offer;
  const parts = [
    make("h2", {}, gigTitle),
    make("p", {}, description),
    facts([["Price", dollars(price)], ["Within", `${deliveryInDays} ${deliveryInDays === 1 ? "day" : "days"}`],
      ["State", accepted ? "accepted" : cancelled ? "withdrawn" : "open"]]),
  ];
  if (accepted || cancelled) return parts;
  const withdraw = async () => {
    await call("PUT", "/message/offer", { messageId: message._id, type: "cancelled" });
    await reload();
    say("Done.");
  };
  if (!isOwn) parts.push(make("p", { className: "soft" }, "To accept it is to order and pay: that needs a client, or the ", make("a", { href: "/docs/" }, "API"), "."));
  parts.push(make("div", { className: "actions" }, button(isOwn ? "Withdraw the offer" : "Decline the offer", "second", withdraw)));
  return parts;
}

/** The part of the address at this place. */
const part = (place) => decodeURIComponent(location.pathname.split("/")[place] ?? "");

const TASKS = {
  async "sign-in"() {
    const signedIn = (user) => {
      fill("name", user.username);
      show("signed-in");
    };
    onClick(find("sign-out"), async () => {
      await call("POST", "/auth/signout", {});
      signIn(signedIn);
    });
    const user = await currentUser();
    if (user) signedIn(user);
    else signIn(signedIn);
  },

  async "enter-code"() {
    find("code").querySelector("input").focus();
    onSubmit(find("code"), async (fields) => {
      const user = await verifyCode(fields);
      show("sign-in", false);
      fill("name", user.username);
      show("signed-in");
    });
  },

  async "forgot-password"() {
    onSubmit(find("forgot"), async ({ email }) => {
      await call("PUT", "/auth/forgot-password", { email: email.trim() });
      show("forgot", false);
      show("done");
    });
  },

  async "reset-password"() {
    const token = secretOf("token");
    if (!token) {
      show("reset", false);
      show("other");
      throw new Error("Open the link in the mail: it says whose password it is.");
    }
    onSubmit(find("reset"), async ({ password, confirmPassword }) => {
      if (password !== confirmPassword) throw new Error("The two passwords differ.");
      show("other", false);
      try {
        await call("PUT", `/auth/reset-password/${segment(token)}`, { password, confirmPassword });
      } catch (error) {
        if (/token|link/i.test(error.message)) show("other");
        throw error;
      }
      show("reset", false);
      show("done");
    });
  },

  async "confirm-email"() {
    const another = async () => {
      show("other");
      const signedIn = (user) => {
        fill("name", user.username);
        show("signed-in");
        onClick(find("resend"), async () => {
          await call("POST", "/auth/resend-email", { email: user.email, userId: user.id });
          find("resend").hidden = true;
          show("resent");
        });
      };
      const user = await currentUser();
      if (user) signedIn(user);
      else signIn(signedIn);
    };
    const token = secretOf("v_token");
    if (!token) {
      await another();
      throw new Error("Open the link in the mail: it says which address it is.");
    }
    say("One moment…");
    try {
      const { user } = await call("PUT", "/auth/verify-email", { token });
      say("");
      fill("name", `, ${user.username}`);
      fill("email", user.email);
      show("done");
    } catch (error) {
      if (error.status === 400) await another();
      throw error;
    }
  },

  order: () => withUser((user) => showOrder(part(2), user)),

  conversation: () => withUser((user) => showConversation(part(3), user)),
};

TASKS[root.dataset.task]().catch(fail);
