// Draws Block Kit the way a chat client does. Text is only ever put into the
// page as text nodes: what the bot sends is data here too.
"use strict";

function el(tag, attrs = {}, ...kids) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attrs)) {
    if (k === "class") e.className = v;
    else if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
    else if (v === true) e.setAttribute(k, "");
    else if (v !== false && v != null) e.setAttribute(k, v);
  }
  e.append(...kids.filter(k => k != null));
  return e;
}

const unescapeSlack = s => s.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

function when(ts) {
  const d = new Date(ts * 1000), now = new Date(Blocks.now());
  const time = d.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return d.toDateString() === now.toDateString() ? time : d.toLocaleDateString([], { month: "short", day: "numeric" }) + " " + time;
}

const Blocks = {
  name: id => id,
  people: () => [],
  now: () => Date.now(),

  // mrkdwn returns nodes for Slack's mark-up: the subset the bot uses.
  mrkdwn(text) {
    const out = [];
    const re = /<([^<>]+)>|`([^`\n]+)`|\*([^*\n]+)\*|(?<![A-Za-z0-9])_([^_\n]+)_(?![A-Za-z0-9])/g;
    let at = 0, m;
    while ((m = re.exec(text))) {
      if (m.index > at) out.push(unescapeSlack(text.slice(at, m.index)));
      if (m[1] !== undefined) out.push(Blocks.token(m[1]));
      else if (m[2] !== undefined) out.push(el("code", {}, ...Blocks.inCode(m[2])));
      else if (m[3] !== undefined) out.push(el("strong", {}, ...Blocks.mrkdwn(m[3])));
      else out.push(el("em", {}, ...Blocks.mrkdwn(m[4])));
      at = re.lastIndex;
    }
    if (at < text.length) out.push(unescapeSlack(text.slice(at)));
    return out;
  },

  inCode(s) { return [unescapeSlack(s)]; },

  token(t) {
    if (t[0] === "@") return el("span", { class: "mention" }, "@" + Blocks.name(t.slice(1).split("|")[0]));
    if (t[0] === "#") return el("span", { class: "mention" }, "#" + Blocks.name(t.slice(1).split("|")[0]));
    if (t.startsWith("!date^")) return when(Number(t.split("^")[1]));
    if (t.startsWith("!subteam^")) return el("span", { class: "mention" }, "@" + Blocks.name(t.slice(9).split("|")[0]));
    if (t[0] === "!") return el("span", { class: "mention" }, "@" + t.slice(1).split("|")[0]);
    const [url, label] = t.split("|");
    return el("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, unescapeSlack(label || url));
  },

  text(t) {
    if (!t) return [];
    return t.type === "mrkdwn" ? Blocks.mrkdwn(t.text) : [unescapeSlack(t.text)];
  },

  rich(e) {
    switch (e.type) {
      case "text": {
        let n = document.createTextNode(e.text);
        const s = e.style || {};
        if (s.code) n = el("code", {}, n);
        if (s.bold) n = el("strong", {}, n);
        if (s.italic) n = el("em", {}, n);
        return n;
      }
      case "user": return Blocks.token("@" + e.user_id);
      case "usergroup": return Blocks.token("!subteam^" + e.usergroup_id);
      case "channel": return Blocks.token("#" + e.channel_id);
      case "link": return el("a", { href: e.url, rel: "noreferrer noopener", target: "_blank" }, e.text || e.url);
      case "date": return document.createTextNode(when(e.timestamp));
      case "emoji": return document.createTextNode(":" + e.name + ":");
    }
    return el("span", {}, ...(e.elements || []).map(Blocks.rich));
  },

  // draw returns the element of one block. press is called with a button.
  draw(b, press) {
    switch (b.type) {
      case "header": return el("div", { class: "b-header" }, ...Blocks.text(b.text));
      case "divider": return el("hr");
      case "context": return el("div", { class: "b-context" }, ...(b.elements || []).flatMap(e => [...Blocks.text(e), " "]));
      case "rich_text": return el("div", { class: "b-section" }, ...(b.elements || []).map(Blocks.rich));
      case "section": {
        const box = el("div");
        if (b.text) box.append(el("div", { class: "b-section" }, ...Blocks.text(b.text)));
        if (b.fields) box.append(el("div", { class: "b-fields" }, ...b.fields.map(f => el("div", {}, ...Blocks.text(f)))));
        if (b.accessory && b.accessory.type === "button") box.append(Blocks.button(b.accessory, b, press));
        return box;
      }
      case "actions": return el("div", { class: "b-actions" }, ...(b.elements || []).map(e => Blocks.button(e, b, press)));
      case "input": return Blocks.input(b);
    }
    return el("div", { class: "b-context" }, "[" + b.type + "]");
  },

  button(e, block, press) {
    return el("button", {
      class: "btn " + (e.style || ""), type: "button", "aria-label": e.accessibility_label || null,
      "data-action": e.action_id, onclick: () => press(e, block),
    }, e.text ? unescapeSlack(e.text.text) : "…");
  },

  // input draws a field of a dialog with what it has at first.
  input(b) {
    const e = b.element || {}, several = e.type.startsWith("multi_"), people = e.type.includes("users_select");
    const options = people ? Blocks.people().map(p => ({ value: p.id, text: p.name })) : (e.options || []).map(o => ({ value: o.value, text: unescapeSlack(o.text.text) }));
    const chosen = [...(e.initial_options || []).map(o => o.value), ...(e.initial_users || []), e.initial_user, (e.initial_option || {}).value].filter(Boolean);
    const attrs = { name: b.block_id, "data-action": e.action_id, "data-type": e.type };
    let box;
    if (several) {
      box = el("div", { class: "several", "data-several": b.block_id }, ...options.map(o => el("label", {}, el("input", { type: "checkbox", value: o.value, checked: chosen.includes(o.value) }), o.text)));
    } else if (people || e.type === "static_select" || e.type === "radio_buttons") {
      box = el("select", attrs, el("option", { value: "" }, (e.placeholder && e.placeholder.text) || "Choose…"),
        ...options.map(o => el("option", { value: o.value, selected: chosen.includes(o.value) }, o.text)));
    } else {
      box = el(e.multiline ? "textarea" : "input", { ...attrs, maxlength: e.max_length || null, rows: e.multiline ? 3 : null });
      box.value = e.initial_value || "";
    }
    const kids = [el("span", {}, b.label ? unescapeSlack(b.label.text) : "", b.optional ? el("small", {}, " (optional)") : null), box,
      b.hint ? el("small", {}, unescapeSlack(b.hint.text)) : null, el("em", { "data-error": b.block_id })];
    return several ? el("div", { class: "field", role: "group" }, ...kids) : el("label", { class: "field" }, ...kids);
  },
};
