"use strict";
/* Sending: one request at a time to its end, and a picture through any number of cuts. */
(() => {
  /* No byte for so long, and a request is begun anew, milliseconds. */
  const STALLED = 30000;
  const english = document.documentElement.lang === "en";
  const pick = sohoa.pick = (vi, en) => english ? en : vi;
  const base64 = text => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

  /* One request. Resolves to status, header, text and what the problem is; status 0 when the network failed. */
  const ask = sohoa.ask = (method, url, options) => new Promise(done => {
    const request = new XMLHttpRequest(), { headers = {}, body = null, patience = STALLED, onprogress, type = "" } = options || {};
    let timer;
    const wake = () => { clearTimeout(timer); timer = setTimeout(() => request.abort(), patience); };
    request.open(method, url);
    request.responseType = type;
    const all = Object.assign({ "Accept-Language": document.documentElement.lang, Accept: "application/json" }, headers);
    Object.keys(all).forEach(name => request.setRequestHeader(name, all[name]));
    request.upload.onprogress = event => { wake(); if (onprogress) onprogress(event.loaded); };
    request.onprogress = wake;
    request.onloadend = () => {
      clearTimeout(timer);
      let answer = null;
      try { answer = JSON.parse(request.responseText); } catch { answer = null; }
      /* Without TLS a browser takes an answer that was cut off within its head for a whole one. `Date` comes last there. */
      const status = /GMT$/.test(request.getResponseHeader("Date") || "") ? request.status : 0;
      done({ status, header: name => request.getResponseHeader(name), answer, detail: answer && answer.detail || "" });
    };
    wake();
    request.send(body);
  });

  /* Sleeps; wakes at once when the network comes back. */
  sohoa.rest = seconds => new Promise(done => {
    const end = () => { clearTimeout(timer); window.removeEventListener("online", end); done(); };
    const timer = setTimeout(end, seconds * 1000);
    window.addEventListener("online", end);
  });

  sohoa.isOver = answer => answer.status === 410 || answer.status === 404 && answer.answer && answer.answer.code === "no-link";
  const passes = status => status === 0 || status === 408 || status === 409 || status === 423 || status === 429 || status >= 500;

  /* Sends a picture to its end. Resolves to { capture, component } when the service has it, { over } when the code has ended,
     { refused } when it will never take it. `show` is told the share that is sent, or why it waits. The picture's key makes
     the upload the same one whenever it is begun again, here or after the phone was off. */
  sohoa.send = async (base, picture, show) => {
    const version = { "Tus-Resumable": "1.0.0" };
    const fields = { filename: picture.name, key: picture.key, taken: String(picture.taken), component: picture.component, replaces: picture.replaces };
    const metadata = Object.keys(fields).filter(name => fields[name]).map(name => name + " " + base64(fields[name])).join(",");
    for (let failures = 0; ; failures++) {
      if (failures) await sohoa.rest(Math.min(2 ** failures, 30) * (0.75 + Math.random() / 2));
      let bytes;
      try { bytes = await sohoa.outbox.bytes(picture.key); } catch { continue; }
      /* Another page of this phone has sent it. */
      if (!bytes) return { gone: true };
      const headers = Object.assign({ "Upload-Length": bytes.byteLength, "Upload-Metadata": metadata }, version);
      const begun = await ask("POST", base + "/uploads", { headers });
      if (sohoa.isOver(begun)) return { over: true };
      if (passes(begun.status)) { show(null, begun.detail); continue; }
      if (begun.status >= 400) return { refused: begun.detail, isFull: begun.status === 403 };
      const done = answer => ({ capture: Number(answer.header("Sohoa-Capture")), component: Number(answer.header("Sohoa-Component")) });
      if (begun.header("Sohoa-Capture")) return done(begun);
      const offset = Number(begun.header("Upload-Offset") || 0), started = Date.now();
      const sent = await ask("PATCH", begun.header("Location"), {
        headers: Object.assign({ "Upload-Offset": offset, "Content-Type": "application/offset+octet-stream" }, version),
        body: new Blob([offset ? bytes.slice(offset) : bytes]),
        onprogress: loaded => { failures = 0; show((offset + loaded) / bytes.byteLength); },
      });
      if (sohoa.isOver(sent)) return { over: true };
      if (passes(sent.status) || sent.status === 404) { show(null, sent.detail); continue; }
      if (sent.status >= 400) return { refused: sent.detail };
      sohoa.speed = (bytes.byteLength - offset) / Math.max(Date.now() - started, 1);
      if (sent.header("Sohoa-Capture")) return done(sent);
    }
  };

  /* How many pictures go at a time: two where the network is fast, as the phone says or as it was (bytes in a millisecond). */
  sohoa.atATime = () => {
    const network = navigator.connection;
    if (network && (network.saveData || /2g|3g/.test(network.effectiveType || ""))) return 1;
    return sohoa.speed > 400 ? 2 : 1;
  };
})();
