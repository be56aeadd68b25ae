"use strict";
(() => {
  const root = document.documentElement, form = document.getElementById("form");
  const list = document.getElementById("progress"), path = location.pathname;
  const version = { "Tus-Resumable": "1.0.0" };
  root.classList.add("js");
  const base64 = text => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  const wait = seconds => new Promise(done => setTimeout(done, seconds * 1000));
  const keep = { get: key => { try { return localStorage.getItem(key); } catch { return null; } },
    set: (key, value) => { try { value ? localStorage.setItem(key, value) : localStorage.removeItem(key); } catch { return; } } };

  /* One request. Resolves to status, header and problem; status 0 when the network failed. */
  const ask = (method, url, headers, body, onprogress) => new Promise(done => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    Object.entries({ ...version, ...headers }).forEach(([name, value]) => request.setRequestHeader(name, value));
    /* A connection may be dead without anybody saying so: after 30 s without a byte it is. */
    let silence = 0;
    const heard = () => { clearTimeout(silence); silence = setTimeout(() => request.abort(), 30000); };
    request.upload.onprogress = event => { heard(); if (onprogress) onprogress(event.loaded); };
    request.onprogress = heard;
    request.onloadend = () => {
      clearTimeout(silence);
      let detail = "";
      try { detail = JSON.parse(request.responseText).detail || ""; } catch { detail = ""; }
      done({ status: request.status, header: name => request.getResponseHeader(name), detail });
    };
    heard();
    request.send(body || null);
  });
  const passes = status => status === 0 || status === 409 || status === 423 || status >= 500;

  /* Sends a file to its end, through any number of cuts; gives up only where the server says that it never will take it. */
  async function send(file, component, show) {
    const key = [path, component, file.name, file.size, file.lastModified].join("|");
    for (let failures = 0; ; failures++) {
      if (failures) {
        show(null, "Mất kết nối, đang thử lại…");
        await wait(Math.min(2 ** failures, 20));
      }
      let url = keep.get(key), offset = 0;
      if (url) {
        const stands = await ask("HEAD", url);
        if (stands.status === 404 || stands.status === 410) { keep.set(key, null); url = null; }
        else if (passes(stands.status)) continue;
        else if (stands.status >= 400) return stands.detail || "Máy chủ không nhận ảnh này.";
        /* Without TLS a browser takes an answer that was cut off within its head for a whole one. */
        else if (!stands.header("Upload-Offset")) continue;
        else offset = Number(stands.header("Upload-Offset"));
      }
      if (!url) {
        const pairs = ["filename " + base64(file.name)].concat(component ? ["component " + base64(component)] : []);
        const made = await ask("POST", path + "/uploads", { "Upload-Length": file.size, "Upload-Metadata": pairs.join(",") });
        if (passes(made.status)) { show(null, made.detail); continue; }
        if (made.status >= 400) return made.detail || "Máy chủ không nhận ảnh này.";
        url = made.header("Location");
        if (!url) continue;
        keep.set(key, url);
      }
      if (offset < file.size) {
        const headers = { "Upload-Offset": offset, "Content-Type": "application/offset+octet-stream" };
        const sent = await ask("PATCH", url, headers, file.slice(offset), loaded => { failures = 0; show((offset + loaded) / file.size); });
        if (passes(sent.status)) continue;
        /* It is gone, or its address was cut off: begun anew, which also tells where the link has ended. */
        if (sent.status === 404 || sent.status === 410) { keep.set(key, null); continue; }
        if (sent.status >= 400) { keep.set(key, null); return sent.detail || "Máy chủ không nhận ảnh này."; }
        if (!sent.header("Sohoa-Capture")) continue;
      }
      keep.set(key, null);
      return "";
    }
  }

  let count = 0, queue = Promise.resolve();
  function add(file) {
    const component = form.elements.component ? form.elements.component.value.trim() : "";
    const item = document.createElement("li"), line = document.createElement("b"), bar = document.createElement("progress");
    const name = document.createElement("span"), word = document.createElement("span");
    name.textContent = "Ảnh " + ++count;
    word.textContent = "chờ gửi";
    line.append(name, word);
    bar.max = 1; bar.value = 0;
    item.append(line, bar);
    list.append(item);
    list.hidden = false;
    const show = (share, text) => {
      if (share !== null) bar.value = share;
      word.textContent = text || Math.round(bar.value * 100) + "%";
    };
    queue = queue.then(async () => {
      show(0, "đang gửi…");
      const refused = await send(file, component, show);
      if (refused) {
        word.textContent = refused;
        word.className = "bad";
        bar.remove();
      } else {
        bar.remove();
        word.textContent = "đã gửi ✓";
        word.className = "ok";
        setTimeout(() => { item.remove(); list.hidden = !list.children.length; }, 4000);
      }
      /* Not waited for: a picture goes on whatever becomes of it. */
      refresh();
    });
  }
  form.querySelectorAll("input[type=file]").forEach(input => input.addEventListener("change", () => {
    Array.from(input.files).forEach(add);
    input.value = "";
  }));
  form.addEventListener("submit", event => event.preventDefault());

  async function refresh() {
    try {
      const answer = await fetch(path, { headers: { Accept: "text/html" } });
      /* Without its head: the policy of this page refuses that page's style, whose nonce is another. */
      const text = await answer.text(), page = new DOMParser().parseFromString(text.slice(text.indexOf("<body")), "text/html");
      const state = page.getElementById("state");
      if (state) document.getElementById("state").replaceChildren(...state.childNodes);
      /* Not while something is still to be sent: it would be forgotten. */
      else if (list.hidden) location.reload();
    } catch { return; }
  }
  setInterval(() => { if (!document.hidden && document.querySelector("#state .work")) refresh(); }, 3000);
  document.querySelector("#da-gui .again").addEventListener("click", event => { event.preventDefault(); refresh(); });
})();
