// Draws the Markdown of documents and records: the little of it the bot uses.
// Text is only ever put into the page as text nodes.
"use strict";

const Markdown = {
  // draw returns the elements of a document.
  draw(text) {
    const out = [];
    let list = null;
    for (const line of text.split("\n")) {
      const item = /^\s*[-*] (\[[ xX]\] )?(.*)$/.exec(line), head = /^(#{1,6}) +(.*)$/.exec(line);
      if (item) {
        if (!list) out.push(list = el("ul"));
        list.append(el("li", {}, item[1] ? (item[1][1] === " " ? "☐ " : "☑ ") : null, ...Markdown.inline(item[2])));
        continue;
      }
      list = null;
      if (head) out.push(el("h" + Math.min(head[1].length + 2, 6), {}, ...Markdown.inline(head[2])));
      else if (line.trim()) out.push(el("p", {}, ...Markdown.inline(line)));
    }
    return out;
  },

  inline(text) {
    const out = [], re = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|!\[\]\(([@#])(\w+)\)|\\([\\`*_{}[\]()#+.!<>|~-])/g;
    let at = 0, m;
    while ((m = re.exec(text))) {
      if (m.index > at) out.push(unescapeSlack(text.slice(at, m.index)));
      if (m[1] !== undefined) out.push(el("code", {}, m[1]));
      else if (m[2] !== undefined) out.push(el("strong", {}, m[2]));
      else if (m[3] !== undefined) out.push(el("span", { class: "mention" }, m[3] + Blocks.name(m[4])));
      else out.push(m[5]);
      at = re.lastIndex;
    }
    if (at < text.length) out.push(unescapeSlack(text.slice(at)));
    return out;
  },
};
