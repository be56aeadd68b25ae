"use strict";
/* What is seen: pictures that wait on this phone, and the pages that the service has, each with its verdict. */
(() => {
  const { outbox, ask, pick } = sohoa, base = location.pathname, byId = id => document.getElementById(id);
  const main = byId("main"), form = byId("form"), queue = byId("queue"), papers = byId("papers");
  const dossier = main.dataset.dossier, title = main.dataset.title;
  const make = (name, className, text) => {
    const node = document.createElement(name);
    if (className) node.className = className;
    if (text) node.textContent = text;
    return node;
  };
  const empty = node => { while (node.firstChild) node.removeChild(node.firstChild); };
  document.documentElement.classList.add("js");

  /* What lasts, of which the gravest is seen; and what was done last. */
  const notes = { over: "", full: "", storage: "", network: "" };
  const put = (node, text) => {
    if (node.textContent !== text) node.textContent = text;
    node.hidden = !text;
  };
  const tell = (name, text) => {
    if (name === "done") { put(byId("did"), text); return; }
    notes[name] = text;
    put(byId("note"), Object.keys(notes).map(key => notes[key]).filter(Boolean)[0] || "");
  };
  let over = false, finishing = false;
  const end = () => {
    over = true;
    form.hidden = byId("end").hidden = byId("next").hidden = true;
    tell("over", pick("Mã QR đã hết hạn, xin mã mới tại quầy. Ảnh chưa gửi vẫn còn trong điện thoại này.",
      "The QR code has expired; ask for a new one at the counter. Pictures that are not sent stay on this phone."));
  };

  /* The paper that pictures are of. */
  const field = byId("paper");
  let paper = title || "Tài liệu";
  if (field) {
    const key = "sohoa-paper " + base;
    const keep = () => {
      paper = field.value.trim() || field.dataset.usual || "Tài liệu";
      try { localStorage.setItem(key, JSON.stringify([field.value, field.dataset.usual || ""])); } catch { return; }
    };
    try {
      const kept = JSON.parse(localStorage.getItem(key) || "null");
      if (kept) { field.value = kept[0]; field.dataset.usual = kept[1]; if (kept[1]) field.placeholder = kept[1]; }
    } catch { field.value = ""; }
    keep();
    field.addEventListener("input", keep);
    byId("next").hidden = false;
    byId("next").addEventListener("click", () => {
      const names = known.papers.map(one => one.title).concat(Array.from(items.values()).map(item => item.picture.component), [paper]);
      let number = 2;
      while (names.indexOf("Tài liệu " + number) >= 0) number++;
      field.dataset.usual = field.placeholder = "Tài liệu " + number;
      field.value = "";
      keep();
      field.focus();
      tell("done", pick("Giấy tờ mới: ghi tên, hoặc để trống.", "Another paper: write its name, or leave it empty."));
    });
  }

  /* Pictures on this phone. */
  const items = new Map();
  let known = { papers: [], version: null };
  const unsent = () => Array.from(items.values()).filter(item => !item.accepted && !item.refused);
  const size = bytes => (bytes / 1048576).toFixed(1).replace(".", pick(",", ".")) + " MB";

  function itemFor(picture) {
    const node = make("li", "item"), text = make("div", "what"), name = make("b"), word = make("span", "word");
    const time = new Date(picture.taken), two = number => String(number).padStart(2, "0");
    name.textContent = (picture.replaces ? pick("Chụp lại", "Taken again") : picture.component || "Tài liệu")
      + " · " + two(time.getHours()) + ":" + two(time.getMinutes()) + ":" + two(time.getSeconds()) + " · " + size(picture.size);
    const bar = make("progress");
    bar.max = 1; bar.value = 0;
    bar.setAttribute("aria-label", pick("Đã gửi", "Sent"));
    text.append(name, word, bar);
    node.append(text);
    queue.append(node);
    const item = { picture, node, bar, word, kept: false, busy: false, accepted: null, looks: 0, refused: "" };
    items.set(picture.key, item);
    say(item, pick("chờ gửi", "waits"));
    return item;
  }
  function say(item, text, className) {
    item.word.textContent = text;
    item.word.className = "word" + (className ? " " + className : "");
    byId("waiting").hidden = !items.size;
  }
  function drop(item) {
    items.delete(item.picture.key);
    item.node.remove();
    byId("waiting").hidden = !items.size;
  }
  function refuse(item, text) {
    item.refused = text || pick("Máy chủ không nhận ảnh này.", "The service does not take this picture.");
    item.bar.remove();
    say(item, item.refused, "bad");
    const away = make("button", "tool", pick("Bỏ ảnh này", "Throw away"));
    away.type = "button";
    away.addEventListener("click", async () => { await outbox.remove(item.picture.key); drop(item); });
    item.node.append(away);
  }

  /* A small picture of one that waits, where the browser can make one without much memory: one at a time. */
  let previews = Promise.resolve();
  const preview = (item, file) => {
    if (typeof createImageBitmap !== "function" || !/jpeg|png|webp/.test(file.type)) return;
    previews = previews.then(async () => {
      try {
        const bitmap = await createImageBitmap(file, { resizeWidth: 96, resizeQuality: "low" });
        const canvas = make("canvas", "thumb");
        canvas.width = bitmap.width; canvas.height = bitmap.height;
        canvas.getContext("2d").drawImage(bitmap, 0, 0);
        if (bitmap.close) bitmap.close();
        item.node.insertBefore(canvas, item.node.firstChild);
      } catch { return; }
    });
  };

  let last = 0;
  const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, "0")).join("");
  async function add(file, replaced) {
    /* Pictures chosen at once keep their order. */
    last = Math.max(Date.now(), last + 1);
    const picture = { key: newKey(), dossier, title, name: file.name || "image.jpg", type: file.type, size: file.size,
      component: replaced ? replaced.title : paper, replaces: replaced ? replaced.id : "", taken: last };
    const item = itemFor(picture);
    tell("done", "");
    try {
      if (!await outbox.add(picture, file)) {
        tell("storage", pick("Điện thoại này không lưu được ảnh (chế độ riêng tư hoặc hết chỗ): đừng đóng trang khi chưa gửi xong.",
          "This phone cannot keep pictures (private mode, or no room): do not close the page before all is sent."));
      }
    } catch {
      refuse(item, pick("Không đọc được ảnh này, hãy chụp lại.", "This picture cannot be read; take it again."));
      return;
    }
    /* Not before: what the outbox does not have yet looks like what has been sent. */
    item.kept = true;
    preview(item, file);
    work();
  }
  const addAll = async (files, replaced) => { for (const file of Array.from(files)) await add(file, replaced); };
  sohoa.add = file => add(file);

  function work() {
    if (over) return;
    const waiting = Array.from(items.values()).filter(item => item.kept && !item.busy && !item.accepted && !item.refused);
    const busy = Array.from(items.values()).filter(item => item.busy).length;
    waiting.slice(0, Math.max(0, sohoa.atATime() - busy)).forEach(transfer);
    if (finishing && !unsent().length) finish();
  }
  async function transfer(item) {
    item.busy = true;
    say(item, pick("đang gửi", "sending"));
    const result = await sohoa.send(base, item.picture, (share, problem) => {
      if (share === null) {
        say(item, problem || pick("mất mạng, sẽ tự gửi lại", "no network, goes on by itself"));
        if (!problem) offline(true);
        return;
      }
      offline(false);
      item.bar.value = share;
      say(item, pick("đang gửi ", "sending ") + Math.round(share * 100) + " %");
    });
    item.busy = false;
    if (result.over) { say(item, pick("chờ gửi", "waits")); end(); return; }
    if (result.gone) drop(item);
    else if (result.refused !== undefined) {
      refuse(item, result.refused);
      if (result.isFull) tell("full", result.refused);
    } else {
      offline(false);
      item.accepted = result.component + "-" + result.capture;
      item.bar.remove();
      say(item, pick("đã gửi, đang kiểm tra", "sent, being checked"), "ok");
      await outbox.remove(item.picture.key);
      /* What else was to take this page's place takes that of the new one. */
      for (const other of unsent()) {
        if (item.picture.replaces && other.picture.replaces === item.picture.replaces) {
          other.picture.replaces = item.accepted;
          await outbox.update(other.picture);
        }
      }
      settle();
    }
    work();
  }
  /* A picture that the service has is shown among its pages. */
  function settle() {
    const ids = new Set();
    known.papers.forEach(one => one.pages.forEach(page => ids.add(page.id.split("-")[1])));
    /* What was deleted at once, or elsewhere, does not wait for ever. */
    items.forEach(item => { if (item.accepted && (ids.has(item.accepted.split("-")[1]) || ++item.looks > 3)) drop(item); });
  }
  const offline = is => tell("network", is ? pick("Mất mạng. Ảnh được giữ trong điện thoại và tự gửi khi có mạng.",
    "No network. Pictures are kept on this phone and go on by themselves.") : "");

  /* Pages that the service has. Nodes are kept, so that pictures are not fetched again and the focus stays. */
  const nodes = new Map();
  const button = (text, label, act) => {
    const node = make("button", "tool", text);
    node.type = "button";
    node.setAttribute("aria-label", label);
    node.addEventListener("click", act);
    return node;
  };
  function pageNode(id) {
    if (nodes.has(id)) return nodes.get(id);
    const node = make("li", "page"), thumb = make("div", "thumb"), what = make("div", "what");
    const name = make("b"), word = make("span", "word"), lines = make("ul", "lines"), tools = make("div", "tools");
    const again = make("label", "tool again-take"), input = make("input"), label = make("span", "", pick("Chụp lại", "Again"));
    input.type = "file"; input.accept = "image/*"; input.setAttribute("capture", "environment");
    again.append(label, input);
    const shown = { node, thumb, name, word, lines, input, page: null, paper: null, number: 0 };
    input.addEventListener("change", () => { addAll(input.files, { id: shown.page.id, title: shown.paper.title }); input.value = ""; });
    shown.up = button("▲", "", () => move(shown, -1));
    shown.down = button("▼", "", () => move(shown, 1));
    shown.turn = button(pick("Xoay", "Turn"), "", () => change("POST", "/pages/" + shown.page.id + "/turn"));
    shown.away = button(pick("Xóa", "Delete"), "", () => remove(shown));
    tools.append(again, shown.turn, shown.up, shown.down, shown.away);
    what.append(name, word, lines, tools);
    node.append(thumb, what);
    nodes.set(id, shown);
    return shown;
  }
  const verdicts = { checking: pick("đang kiểm tra", "being checked"), good: pick("tốt", "good"), retake: pick("chụp lại", "capture again"), unreadable: pick("không đọc được", "cannot be read") };
  function showPage(page, paper, index) {
    const shown = pageNode(page.id), number = index + 1, name = pick("Trang ", "Page ") + number;
    shown.page = page; shown.paper = paper; shown.number = number;
    shown.name.textContent = name;
    shown.word.textContent = verdicts[page.verdict];
    shown.node.className = "page " + page.verdict;
    empty(shown.lines);
    page.lines.forEach(line => shown.lines.append(make("li", "", line)));
    shown.lines.hidden = !page.lines.length;
    if (page.thumbnail && shown.picture !== page.thumbnail) {
      const image = make("img");
      shown.picture = page.thumbnail;
      empty(shown.thumb);
      image.src = base + "/pages/" + page.id + ".jpg?" + page.thumbnail;
      image.loading = "lazy";
      image.onerror = () => { if (image.parentNode) image.remove(); };
      shown.thumb.append(image);
    }
    if (shown.thumb.firstChild) shown.thumb.firstChild.alt = name;
    const of = " " + name.toLowerCase() + ", " + paper.title;
    shown.input.setAttribute("aria-label", pick("Chụp lại", "Capture again") + of);
    shown.turn.setAttribute("aria-label", pick("Xoay phải", "Turn right") + of);
    shown.turn.hidden = !page.thumbnail;
    shown.up.setAttribute("aria-label", pick("Đưa lên", "Move up") + of);
    shown.down.setAttribute("aria-label", pick("Đưa xuống", "Move down") + of);
    shown.away.setAttribute("aria-label", pick("Xóa", "Delete") + of);
    shown.up.disabled = !index;
    shown.down.disabled = number === paper.pages.length;
    /* The last page of what is made already is a matter of the counter. */
    shown.away.hidden = paper.pages.length === 1 && paper.version > 1;
    return shown.node;
  }
  function render(answer) {
    known = answer;
    const focused = document.activeElement, ids = new Set();
    const list = document.createDocumentFragment();
    answer.papers.forEach(paper => {
      const row = make("div", "row " + paper.state), line = make("div", "line"), pages = make("ol", "pages");
      line.append(make("b", "", paper.title), make("span", "badge", paper.word));
      row.append(line);
      if (paper.reasons.length) {
        const why = make("ul");
        paper.reasons.forEach(reason => why.append(make("li", "", reason)));
        row.append(why);
      }
      paper.pages.forEach((page, index) => { ids.add(page.id); pages.append(showPage(page, paper, index)); });
      row.append(pages);
      list.append(row);
    });
    if (!answer.papers.length) list.append(make("p", "none", pick("Chưa có trang nào.", "No page yet.")));
    empty(papers);
    papers.append(list);
    nodes.forEach((_, id) => { if (!ids.has(id)) nodes.delete(id); });
    if (focused && focused !== document.activeElement && papers.contains(focused)) focused.focus();
    settle();
  }

  /* Changes of pages. */
  async function change(method, path, body) {
    const answer = await ask(method, base + path, body ? { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } } : {});
    if (sohoa.isOver(answer)) { end(); return false; }
    if (answer.status === 0 || answer.status >= 400) {
      tell("done", answer.detail || pick("Không có mạng, hãy thử lại.", "No network; try again."));
      return false;
    }
    tell("done", "");
    await refresh();
    return true;
  }
  async function move(shown, by) {
    const { paper, page } = shown, order = paper.pages.map(one => one.id), at = order.indexOf(page.id), to = at + by;
    if (to < 0 || to >= order.length) return;
    order.splice(at, 1);
    order.splice(to, 0, page.id);
    if (await change("POST", "/papers/" + paper.id + "/order", { pages: order })) {
      tell("done", pick("Đã chuyển thành trang ", "It is page ") + (to + 1));
      const first = by < 0 ? shown.up : shown.down;
      (first.disabled ? (by < 0 ? shown.down : shown.up) : first).focus();
    }
  }
  async function remove(shown) {
    const name = shown.name.textContent;
    if (!confirm(pick("Xóa " + name.toLowerCase() + "?", "Delete " + name.toLowerCase() + "?"))) return;
    if (await change("DELETE", "/pages/" + shown.page.id)) tell("done", pick("Đã xóa ", "Deleted ") + name.toLowerCase());
  }
  async function finish() {
    finishing = false;
    const bad = known.papers.reduce((sum, one) => sum + one.pages.filter(page => page.verdict === "retake" || page.verdict === "unreadable").length, 0);
    if (bad && !confirm(pick("Còn " + bad + " ảnh nên chụp lại. Vẫn hoàn tất?", bad + " pictures should be taken again. Finish all the same?"))) return;
    if (await change("POST", "/finish")) {
      tell("done", pick("Đã hoàn tất. Giấy tờ đang được xử lý; có thể đóng trang này.", "All is sent and being made; you may close this page."));
    }
  }
  byId("end").addEventListener("submit", event => {
    event.preventDefault();
    const left = unsent().length;
    if (!left) { finish(); return; }
    finishing = true;
    tell("done", pick("Sẽ hoàn tất khi gửi xong " + left + " ảnh.", "Finishes when " + left + " pictures are sent."));
  });

  /* News, asked for again and again; the service answers when there is some. */
  let hurry = () => undefined;
  async function refresh() {
    const answer = await ask("GET", base + "/pages");
    if (answer.status === 200) render(answer.answer);
    else if (sohoa.isOver(answer)) end();
  }
  async function listen() {
    for (let failures = 0; !over;) {
      if (document.hidden) {
        await new Promise(done => { hurry = done; });
        continue;
      }
      const asked = Date.now(), since = known.version === null ? "" : "?since=" + known.version;
      const answer = await ask("GET", base + "/pages" + since, { patience: 40000 });
      if (sohoa.isOver(answer)) { end(); return; }
      if (answer.status === 200) { render(answer.answer); failures = 0; offline(false); }
      else if (answer.status === 204) {
        failures = 0;
        offline(false);
        if (Date.now() - asked < 1000) await sohoa.rest(2);
      } else {
        if (answer.status === 0) offline(true);
        await sohoa.rest(Math.min(2 ** ++failures, 20));
      }
    }
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { hurry(); work(); } });
  window.addEventListener("online", work);
  window.addEventListener("beforeunload", event => {
    if (unsent().length) { event.preventDefault(); event.returnValue = ""; }
  });

  form.querySelectorAll("input[type=file]").forEach(input => input.addEventListener("change", () => { addAll(input.files); input.value = ""; }));
  form.addEventListener("submit", event => event.preventDefault());
  byId("again").hidden = true;

  const until = new Date(Number(main.dataset.expires));
  byId("until").textContent = pick("Gửi được đến ", "Open until ") + until.toLocaleString(pick("vi-VN", "en-GB"), { hour: "2-digit", minute: "2-digit", day: "2-digit", month: "2-digit" });
  byId("until").hidden = false;

  /* What an earlier page kept: of this paper it goes on, of others it waits for its own code. */
  outbox.list().then(kept => {
    const mine = kept.filter(one => one.dossier === dossier && one.title === title), left = kept.filter(one => mine.indexOf(one) < 0);
    mine.filter(one => !items.has(one.key)).forEach(one => { itemFor(one).kept = true; });
    work();
    const groups = new Map();
    left.forEach(one => {
      const name = pick("hồ sơ ", "dossier ") + one.dossier + (one.title ? ", " + one.title : "");
      groups.set(name, (groups.get(name) || []).concat(one));
    });
    groups.forEach((pictures, name) => {
      const row = make("div", "note", pick("Còn " + pictures.length + " ảnh chưa gửi của " + name + ": quét mã QR mới của hồ sơ đó để gửi tiếp. ",
        pictures.length + " pictures of " + name + " are not sent: scan a new QR code of that dossier. "));
      const away = make("button", "tool", pick("Xóa các ảnh này", "Delete them"));
      away.type = "button";
      away.addEventListener("click", async () => {
        if (!confirm(pick("Xóa " + pictures.length + " ảnh chưa gửi?", "Delete " + pictures.length + " pictures that are not sent?"))) return;
        for (const one of pictures) await outbox.remove(one.key);
        row.remove();
      });
      row.append(away);
      byId("left").append(row);
      byId("left").hidden = false;
    });
  });
  outbox.ready.then(lasts => {
    if (!lasts) tell("storage", pick("Điện thoại này không lưu được ảnh (chế độ riêng tư?): đừng đóng trang khi chưa gửi xong.",
      "This phone keeps no pictures (private mode?): do not close the page before all is sent."));
  });
  listen();

  /* The live camera, where browsers allow it: over TLS, or on the machine itself. */
  const live = byId("live");
  if (window.isSecureContext && navigator.mediaDevices && navigator.mediaDevices.getUserMedia) {
    live.hidden = false;
    byId("take").className = "second";
    live.addEventListener("click", () => {
      const start = () => sohoa.camera(reason => {
        live.hidden = true;
        byId("take").className = "big";
        tell("done", reason);
      });
      if (sohoa.camera) { start(); return; }
      const script = document.createElement("script");
      script.src = main.dataset.camera;
      script.onload = start;
      script.onerror = () => tell("done", pick("Chưa tải được, hãy thử lại hoặc dùng nút chụp ảnh.", "Not loaded; try again, or take pictures by the other button."));
      document.head.append(script);
    });
  }
  if (window.isSecureContext && navigator.serviceWorker) navigator.serviceWorker.register("/p/worker.js", { scope: "/p/" }).catch(() => undefined);
})();
