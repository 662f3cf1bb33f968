// The demo's page: one state from the server, drawn anew when it changes.
"use strict";

const $ = id => document.getElementById(id);
let state = null, me = "", where = "", tab = "gallery", seen = {}, openView = "", busy = false, unfolded = "";
const colours = ["#5b3a8c", "#0b6e6e", "#a8481b", "#2a5db0", "#7a2149", "#3f6212"];
const colour = id => colours[[...id].reduce((n, c) => n + c.charCodeAt(0), 0) % colours.length];

async function call(path, body) {
  const r = await fetch("api/" + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ as: me, ...body }) });
  const answer = await r.json().catch(() => ({}));
  if (!r.ok) toast(answer.error || "That did not work.");
  await refresh();
  return answer;
}

// While a button is held down nothing is drawn anew: a click needs its button
// to be there until it is let go.
let pending = null, held = false;
document.addEventListener("pointerdown", () => { held = true; });
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => setTimeout(() => { if (held) { held = false; if (state) draw(); } }));
async function refresh() {
  if (pending) return pending;
  pending = (async () => {
    const r = await fetch("api/state");
    state = await r.json();
    pending = null;
    if (!held) draw();
  })().catch(() => { pending = null; });
  return pending;
}

function toast(text) {
  const t = $("toast");
  t.textContent = text;
  t.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { t.hidden = true; }, 3500);
}

const person = id => state.people.find(p => p.id === id);
const channel = id => state.channels.find(c => c.id === id);
const visible = c => c.members.includes(me);
const forMe = m => !m.only || m.only === me;
const unread = c => c.messages.filter(m => forMe(m) && m.user !== me && Number(m.ts) > (seen[me + c.id] || 0)).length;

function channelName(c) {
  if (c.kind !== "dm") return (c.private ? "" : "# ") + c.name;
  const other = c.members.find(m => m !== me) || me;
  return (person(other) || { name: other }).name;
}

const mark = c => c.private ? el("span", { class: "lock", role: "img", "aria-label": "private" }) : null;

function avatar(id, small) {
  const p = person(id) || { name: id };
  return el("div", { class: "avatar" + (small ? " small" : ""), style: "background:" + (p.bot ? "#1d1c1d" : colour(id)), "aria-hidden": "true" }, p.bot ? "SB" : p.name[0]);
}

function draw() {
  Blocks.name = id => (person(id) || channel(id) || (state.groups || {})[id] || { name: id }).name;
  Blocks.people = () => state.people.filter(p => !p.bot);
  Blocks.now = () => Date.parse(state.clock.now);
  if (!person(me)) me = state.people.filter(p => !p.bot)[0].id;
  const mine = state.channels.filter(visible);
  if (!mine.some(c => c.id === where)) where = (mine[0] || { id: "" }).id;
  drawSide(mine);
  drawMessages();
  drawGallery();
  drawCases();
  drawPages();
  drawAWS();
  drawHive();
  drawClock();
  drawModal();
}

function drawSide(mine) {
  const key = JSON.stringify([me, where, mine.map(c => [c.id, unread(c), c.archived]), state.people, state.channels.map(c => c.messages.length), seen]);
  if ($("people").dataset.key === key) return;
  $("people").dataset.key = key;
  $("people").replaceChildren(...state.people.filter(p => !p.bot).map(p => {
    const n = state.channels.filter(c => c.kind === "dm" && c.members.includes(p.id)).reduce((n, c) => n + c.messages.filter(m => m.user !== p.id && Number(m.ts) > (seen[p.id + c.id] || 0)).length, 0);
    return el("button", { role: "radio", "aria-checked": String(p.id === me), "data-person": p.id, onclick: () => { me = p.id; where = preferred(p.id); draw(); } },
      avatar(p.id, true), el("span", {}, p.name, el("span", { class: "role" }, p.role)), n && p.id !== me ? el("span", { class: "n" }, String(n)) : null);
  }));
  const row = c => {
    const n = c.id === where ? 0 : unread(c);
    return el("button", { "aria-current": String(c.id === where), class: n ? "unread" : "", "data-channel": c.name, onclick: () => { where = c.id; draw(); } }, mark(c), el("span", { class: "name" }, channelName(c)), c.archived ? el("span", { class: "role" }, "archived") : null, n ? el("span", { class: "n" }, String(n)) : null);
  };
  $("channels").replaceChildren(...mine.filter(c => c.kind !== "dm").map(row));
  $("dms").replaceChildren(...mine.filter(c => c.kind === "dm").map(row));
}

// preferred is the conversation a person would look at first.
function preferred(id) {
  const mine = state.channels.filter(c => c.members.includes(id));
  const dm = mine.find(c => c.kind === "dm" && c.messages.length);
  return (dm || mine[0] || { id: "" }).id;
}

function drawMessages() {
  const c = channel(where), box = $("messages");
  if (!c) return;
  drawRoom(c);
  const all = c.messages.filter(forMe);
  seen[me + c.id] = Math.max(0, ...all.map(m => Number(m.ts)));
  const key = JSON.stringify([me, where, all, state.people.length]);
  if (box.dataset.key === key) return;
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 80 || box.dataset.where !== me + where;
  box.dataset.key = key;
  box.dataset.where = me + where;
  const roots = all.filter(m => !m.thread || m.thread === m.ts || !all.some(x => x.ts === m.thread));
  box.replaceChildren(...(roots.length ? roots.map(m => drawMessage(c, m, all)) : [el("p", { class: "empty" }, "Nothing here yet. Send a finding from the gallery on the right.")]));
  if (atEnd) box.scrollTop = box.scrollHeight;
}

// drawRoom shows what belongs to the whole channel: topic, pins, document, files.
function drawRoom(c) {
  const files = c.files || [], pins = (c.pins || []).map(ts => c.messages.find(m => m.ts === ts)).filter(Boolean);
  const key = JSON.stringify([c.id, c.name, c.about, c.archived, c.document, files, pins.map(m => m.text), unfolded]);
  if ($("room").dataset.key === key) return;
  $("room").dataset.key = key;
  $("where").replaceChildren(...[mark(c), channelName(c)].filter(Boolean));
  $("about").textContent = c.about || "";
  $("about").title = c.about || "";
  $("say").disabled = !!c.archived;
  $("say").placeholder = c.archived ? "This channel is archived: it can be read and no longer written." : "Write a message, or a command such as /ir help";
  const open = c.document && unfolded === c.id;
  $("room").replaceChildren(...[
    ...pins.map(m => el("button", { class: "chip", type: "button", title: "Show the pinned message", onclick: () => show(m.ts) }, "Pinned: " + plain(m.text))),
    c.document ? el("button", { class: "chip", type: "button", "aria-expanded": String(!!open), onclick: () => { unfolded = open ? "" : c.id; draw(); } }, open ? "Hide the document" : "Document") : null,
    ...files.map(f => fileLink("chat", f)),
    open ? el("div", { class: "document" }, ...Markdown.draw(c.document)) : null].filter(Boolean));
}

const plain = s => Blocks.mrkdwn(s).map(n => typeof n === "string" ? n : n.textContent).join("").split("\n")[0];

function fileLink(place, f) {
  const at = "api/file/" + place + "/" + (f.id || f.key).split("/").map(encodeURIComponent).join("/");
  return el("a", { class: "chip file", href: at, download: "" }, f.name, el("span", { class: "t" }, size(f.size)));
}

const size = n => n < 1024 ? n + " B" : n < 1048576 ? Math.round(n / 1024) + " KB" : (n / 1048576).toFixed(1) + " MB";

function show(ts) {
  const m = document.querySelector("[data-ts='" + ts + "']");
  if (!m) return;
  m.scrollIntoView({ block: "center" });
  m.classList.add("shown");
  setTimeout(() => m.classList.remove("shown"), 1500);
}

function drawMessage(c, m, all) {
  const p = person(m.user) || { name: m.user };
  const press = e => click(c, m, e);
  const body = el("div", { class: "body" },
    el("div", { class: "who" }, p.name, p.bot ? el("span", { class: "app" }, "APP") : null, el("span", { class: "time" }, when(Number(m.ts)))),
    m.only ? el("div", { class: "only" }, "Only visible to you") : null,
    ...(m.blocks && m.blocks.length ? m.blocks.map(b => Blocks.draw(b, press)) : [el("div", { class: "b-section" }, ...Blocks.mrkdwn(m.text || ""))]),
    m.edited ? el("span", { class: "edited" }, "(edited)") : null);
  const replies = all.filter(x => x.thread === m.ts && x.ts !== m.ts);
  if (replies.length) body.append(el("div", { class: "thread" }, ...replies.map(r => drawMessage(c, r, []))));
  return el("div", { class: "msg" + (m.only ? " private" : ""), "data-ts": m.ts }, avatar(m.user), body);
}

async function click(c, m, e) {
  if (busy) return;
  busy = true;
  try { await call("click", { channel: c.id, ts: m.ts, label: e.text.text }); } finally { busy = false; }
}

function drawModal() {
  const v = (state.views || []).filter(v => v.user === me).at(-1);
  const box = $("overlay");
  if (!v) { box.hidden = true; openView = ""; return; }
  const key = v.id + JSON.stringify(v.view);
  if (openView === key) return;
  openView = key;
  const view = v.view;
  const close = () => call("close", { view: v.id });
  const form = el("form", { class: "modal", role: "dialog", "aria-modal": "true", "aria-label": view.title.text, onsubmit: ev => { ev.preventDefault(); submit(v, form); } },
    el("header", {}, el("h2", {}, view.title.text), el("button", { class: "btn slim", type: "button", "aria-label": "Close", onclick: close }, "✕")),
    el("div", { class: "inner" }, ...view.blocks.map(b => Blocks.draw(b, e => call("viewclick", { label: e.text.text })))),
    el("footer", {}, el("button", { class: "btn", type: "button", onclick: close }, view.submit ? "Cancel" : "Close"), view.submit ? el("button", { class: "btn primary" }, view.submit.text) : null));
  box.replaceChildren(form);
  box.hidden = false;
  (form.querySelector(".field input, .field select, .field textarea") || form.querySelector("footer button:last-child")).focus();
}

async function submit(v, form) {
  const values = {};
  for (const f of form.querySelectorAll(".field [name]")) values[f.name] = f.value;
  for (const f of form.querySelectorAll("[data-several]")) values[f.dataset.several] = [...f.querySelectorAll("input:checked")].map(i => i.value).join(",");
  const answer = await call("submit", { view: v.id, values });
  for (const e of form.querySelectorAll("[data-error]")) e.textContent = (answer.errors || {})[e.dataset.error] || "";
}

$("composer").addEventListener("submit", async ev => {
  ev.preventDefault();
  const text = $("say").value.trim();
  if (!text) return;
  $("say").value = "";
  await call(text.startsWith("/") ? "slash" : "say", { channel: where, text });
});

document.querySelector(".tabs").addEventListener("click", ev => {
  const b = ev.target.closest("[data-tab]");
  if (!b) return;
  tab = b.dataset.tab;
  for (const t of document.querySelectorAll("[data-tab]")) t.setAttribute("aria-selected", String(t.dataset.tab === tab));
  for (const s of document.querySelectorAll(".tab")) s.hidden = s.id !== tab;
});

document.addEventListener("keydown", ev => {
  if (ev.key === "Escape" && openView) document.querySelector(".modal header button").click();
});

new EventSource("api/events").onmessage = () => refresh();
setInterval(refresh, 15000);
refresh();
