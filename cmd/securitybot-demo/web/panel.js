// The panel beside the chat: what the other systems know.
"use strict";

function drawGallery() {
  const box = $("gallery");
  for (const s of state.samples) for (const c of box.querySelectorAll("[data-text='" + s.id + "']")) c.textContent = s.command;
  if (box.dataset.done) return;
  box.dataset.done = "1";
  const cards = list => list.map(s => el("div", { class: "card" },
    el("h3", {}, el("span", { class: "level " + s.level }, s.level), s.title), el("p", {}, s.about), cardButton(s)));
  box.replaceChildren(el("p", { class: "note" }, "Send what GuardDuty would. Further down: what a responder types."),
    ...cards(state.samples.filter(s => !s.command)), el("h2", { class: "head" }, "As a responder"), ...cards(state.samples.filter(s => s.command)));
}

function cardButton(s) {
  if (!s.command) return el("button", { class: "btn primary slim", "data-sample": s.id, onclick: () => { call("send", { sample: s.id }); toast("Sent to the queue."); } }, "Send this finding");
  return el("div", {}, el("p", {}, el("code", { "data-text": s.id }, s.command)), el("button", { class: "btn slim", "data-command": s.id, onclick: () => { be("U0OMAR", "security"); write(state.samples.find(x => x.id === s.id).command); } }, "Write it as Omar"));
}

function drawCases() {
  const list = state.cases || [];
  $("ncases").textContent = list.length || "";
  const key = JSON.stringify(list);
  const box = $("cases");
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.replaceChildren(...(list.length ? list.map(drawCase) : [el("p", { class: "empty" }, "No finding has arrived yet.")]));
}

function drawCase(c) {
  const life = el("ol", { class: "life" }, ...c.timeline.map(t => el("li", {}, t.what + " ", el("span", { class: "t" }, when(Date.parse(t.at) / 1000)))),
    ...c.next.map(t => el("li", { class: "next" }, t.what + " ", t.at ? el("span", { class: "t" }, "due " + when(Date.parse(t.at) / 1000)) : null)));
  return el("div", { class: "card", "data-case": c.ref },
    el("h3", {}, el("span", { class: "level " + c.level }, c.level), c.headline, el("span", { class: "status " + c.status }, c.status)),
    el("p", {}, c.decision),
    el("div", { class: "row" }, el("code", {}, c.ref), c.deadline ? el("button", { class: "btn slim", "data-expire": c.ref, onclick: () => call("forward", { to: c.deadline }) }, "Let the deadline pass") : null),
    life);
}

function drawPages() {
  const list = state.incidents || [];
  $("npages").textContent = list.filter(i => i.status === "triggered").length || "";
  const key = JSON.stringify([list, state.oncall]);
  const box = $("pages");
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  const rota = el("p", { class: "note" }, "On call: ", el("strong", {}, state.oncall[0]), state.oncall.length > 1 ? ", then " + state.oncall.slice(1).join(", then ") : "");
  box.replaceChildren(rota, ...(list.length ? list.map(i => el("div", { class: "card", "data-incident": i.key },
    el("h3", {}, i.summary, el("span", { class: "status " + i.status }, i.status)),
    el("p", {}, i.service + " · triggers received: " + i.triggers),
    i.status === "triggered" ? el("button", { class: "btn slim", onclick: () => call("pager", { key: i.key, do: "acknowledge" }) }, "Acknowledge") : null)) :
    [el("p", { class: "empty" }, "Nobody has been paged.")]));
}

function drawClock() {
  if ($("clock").dataset.key === state.clock.now.slice(0, 16) + state.clock.skipped + state.aws.at_work) return;
  $("clock").dataset.key = state.clock.now.slice(0, 16) + state.clock.skipped + state.aws.at_work;
  const t = new Date(state.clock.now);
  const forward = (label, s) => el("button", { class: "btn slim", onclick: () => call("forward", { seconds: s }) }, label);
  $("clock").replaceChildren(el("span", { class: "now" }, "Demo time: ", el("strong", {}, t.toLocaleString([], { weekday: "short", hour: "2-digit", minute: "2-digit" })),
    state.clock.skipped ? " (moved on by " + state.clock.skipped + ")" : "", state.aws.at_work ? el("span", { class: "fast" }, "AWS is at work: time runs faster") : null), "Move on:", forward("10 min", 600), forward("1 h", 3600), forward("8 h", 28800));
}

// drawAWS shows the account as somebody with the console open would see it.
function drawAWS() {
  const a = state.aws, box = $("aws");
  $("naws").textContent = a.instances.filter(i => i.isolated).length || "";
  const key = JSON.stringify([a.instances, a.evidence]);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.replaceChildren(el("p", { class: "note" }, "Account ", el("code", {}, a.account), " in " + a.region + ". The buttons only write the command: whoever you are sends it."),
    ...a.instances.map(i => drawInstance(i, a)), drawEvidence(a));
}

function drawInstance(i, a) {
  const type = (verb, more) => el("button", { class: "btn slim", type: "button", "data-verb": verb, onclick: () => write("/ir " + verb + " " + i.id + " account=" + a.account + " region=" + a.region + more) }, verb);
  return el("div", { class: "card", "data-instance": i.id },
    el("h3", {}, i.name, i.protected ? el("span", { class: "badge" }, "protected") : null, i.isolated ? el("span", { class: "badge cut" }, "isolated") : null, el("span", { class: "status" }, i.state)),
    el("p", {}, el("code", {}, i.id), " of the " + i.team + " team" + (i.protected ? "; its owner wants nobody to touch it" : "")),
    el("dl", {}, ...i.interfaces.flatMap(n => [el("dt", { title: n.id }, "interface " + n.index),
      el("dd", {}, ...n.groups.map(g => el("div", { title: g.id + " " + g.name }, el("code", {}, short(g.name)), " " + g.says)))])),
    i.snapshots.length ? el("dl", {}, ...i.snapshots.flatMap(s => [el("dt", { title: s.id }, "copy of " + s.device),
      el("dd", {}, s.size + " GiB, " + s.state)])) : null,
    el("div", { class: "row" }, type("snapshot", ""), type("osquery", ""), type(i.isolated ? "release" : "isolate", " reason=")));
}

// be makes somebody act, in a channel.
function be(person, name) {
  me = person;
  where = (state.channels.find(c => c.name === name) || { id: where }).id;
  draw();
}

const short = s => s.length > 22 ? s.slice(0, 18) + "…" : s;

function write(text) {
  const say = $("say");
  say.value = text;
  say.focus();
  say.setSelectionRange(text.length, text.length);
}

function drawEvidence(a) {
  return el("div", { class: "card", id: "evidence" }, el("h3", {}, "Evidence", el("span", { class: "status" }, a.bucket)),
    a.evidence.length ? null : el("p", {}, "Nothing has been collected yet."),
    ...a.evidence.map(o => el("div", { class: "object", title: o.key }, el("a", { href: "api/file/bucket/" + o.key.split("/").map(encodeURIComponent).join("/"), download: "" }, nameOf(o.key)),
      el("span", { class: "t" }, o.key.split("/")[1] + " · " + size(o.size) + (o.until ? " · locked until " + o.until.slice(0, 10) : "")))));
}

const nameOf = key => (key.includes("/manifests/") ? "manifest " : "") + key.split("/").at(-1);

const severities = ["", "low", "medium", "high", "critical"];

function drawHive() {
  const list = state.hive, box = $("hive");
  $("nhive").textContent = list.filter(r => r.kind === "case" && !r.closed).length || "";
  const key = JSON.stringify(list);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.replaceChildren(...(list.length ? list.map(drawRecord) : [el("p", { class: "empty" }, "TheHive has no alert and no case yet. What needs somebody is recorded here.")]));
}

// said is a comment without its end: its time, which is shown anyway, and the
// mark by which the bot knows it again.
const said = text => Markdown.inline(text.replace(/\s*\S+Z\s+`record \S+`\s*$/, ""));

function drawRecord(r) {
  const level = severities[r.severity] || "low";
  return el("div", { class: "card", "data-record": r.kind },
    el("h3", {}, el("span", { class: "level " + level }, level), (r.kind === "case" ? "Case #" + r.number + " " : "Alert ") + r.title, el("span", { class: "status" + (r.closed ? " closed" : "") }, r.status)),
    r.comments.length ? el("ol", { class: "life" }, ...r.comments.map(c => el("li", {}, ...said(c.text), " ", el("span", { class: "t" }, when(Date.parse(c.at) / 1000))))) : null,
    fold(r, "observables", r.observables.map(o => el("div", { class: "object", title: o.data }, el("span", { class: "kind" }, o.type), el("code", {}, o.data)))),
    r.attachments.length ? el("div", { class: "row" }, ...r.attachments.map(f => fileLink("hive", f))) : null);
}

// fold hides a long list behind its number; what was opened stays open.
function fold(r, what, items) {
  if (!items.length) return null;
  const id = r.kind + (r.number || r.ref) + what;
  const box = el("details", { open: unfoldedRecords.has(id) }, el("summary", {}, items.length + " " + what), ...items);
  box.addEventListener("toggle", () => box.open ? unfoldedRecords.add(id) : unfoldedRecords.delete(id));
  return box;
}

const unfoldedRecords = new Set();
