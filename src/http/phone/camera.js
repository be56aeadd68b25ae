"use strict";
/* The live camera: the outline of the paper over the picture, and a capture by itself when the paper lies still. The service
   finds the outline on small frames; without it one captures by hand. */
(() => {
  const { pick } = sohoa, base = location.pathname;
  /* Long side of a frame, pixels, and the least time between two, milliseconds. */
  const FRAME = 640, PAUSE = 200;
  /* The paper lies still when its corners stay within this share of the frame for so long, milliseconds. */
  const STILL = 0.015, LONG = 900;
  /* It is another paper when a corner has moved this far, or none was there for so long, milliseconds: that it is missed in a
     frame says little. */
  const MOVED = 0.12, GONE = 600;
  /* A4 at 200 dpi is 2339 pixels long: a browser that gives less is left to the phone's own camera. */
  const LEAST = 2300;
  const make = (name, className, text) => {
    const node = document.createElement(name);
    if (className) node.className = className;
    if (text) node.textContent = text;
    return node;
  };
  const furthest = (one, other) => Math.max(...one.map((corner, index) => Math.hypot(corner[0] - other[index][0], corner[1] - other[index][1])));
  /* The corners of a quad from that which lies nearest to the frame's top left on, so that two can be compared. */
  const fromTopLeft = quad => {
    let first = 0;
    quad.forEach((corner, index) => { if (corner[0] + corner[1] < quad[first][0] + quad[first][1]) first = index; });
    return quad.slice(first).concat(quad.slice(0, first));
  };

  /* Whether to capture now: told each outline as it is found. */
  sohoa.steadiness = () => {
    let anchor = null, since = 0, captured = null, missed = null;
    return {
      next(quad, now) {
        if (!quad) {
          anchor = null;
          if (missed === null) missed = now;
          if (now - missed >= GONE) captured = null;
          return "none";
        }
        missed = null;
        quad = fromTopLeft(quad);
        if (captured && furthest(captured, quad) < MOVED) return "done";
        captured = null;
        if (!anchor || furthest(anchor, quad) > STILL) { anchor = quad; since = now; return "moving"; }
        if (now - since < LONG) return "still";
        captured = quad;
        return "capture";
      },
      taken(quad) { captured = quad ? fromTopLeft(quad) : null; },
    };
  };

  sohoa.camera = async unusable => {
    let stream;
    try {
      /* `resizeMode`: browsers cut a picture that is higher than wide to the height that is asked for. */
      stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { facingMode: { ideal: "environment" }, width: { ideal: 4096 }, height: { ideal: 3072 }, resizeMode: { ideal: "none" } } });
    } catch {
      unusable(pick("Trình duyệt không mở được camera: hãy dùng nút chụp ảnh.", "The browser does not open the camera: use the other button."));
      return;
    }
    const track = stream.getVideoTracks()[0], settings = track.getSettings ? track.getSettings() : {};
    let taker = null;
    try { taker = typeof ImageCapture === "function" ? new ImageCapture(track) : null; } catch { taker = null; }
    if (!taker && Math.max(settings.width || 0, settings.height || 0) < LEAST) {
      stream.getTracks().forEach(one => one.stop());
      unusable(pick("Camera trong trình duyệt này không đủ nét: hãy dùng nút chụp ảnh.", "This browser's camera is not sharp enough: use the other button."));
      return;
    }

    const before = document.activeElement;
    const box = make("div", "camera"), view = make("div", "view"), video = make("video"), lines = make("canvas");
    const word = make("p", "says", pick("Đưa cả tờ giấy vào khung hình", "Bring the whole paper into the frame"));
    const bar = make("div", "bar"), close = make("button", "", pick("Đóng", "Close")), shoot = make("button", "shoot", pick("Chụp", "Capture"));
    const light = make("button", "", pick("Đèn", "Light")), auto = make("label", "auto"), check = make("input");
    box.setAttribute("role", "dialog");
    box.setAttribute("aria-modal", "true");
    box.setAttribute("aria-label", pick("Chụp giấy tờ", "Capture papers"));
    word.setAttribute("role", "status");
    video.setAttribute("playsinline", "");
    video.muted = true; video.autoplay = true; video.srcObject = stream;
    check.type = "checkbox"; check.checked = true;
    auto.append(check, pick(" Tự chụp", " By itself"));
    [close, shoot, light].forEach(button => { button.type = "button"; });
    view.append(video, lines);
    bar.append(close, light, shoot, auto);
    box.append(view, word, bar);
    document.body.append(box);
    document.documentElement.classList.add("covered");
    video.play().catch(() => undefined);
    shoot.focus();

    let open = true, busy = false, seen = null, count = 0, timer = 0;
    const steady = sohoa.steadiness();
    const stop = () => {
      open = false;
      clearTimeout(timer);
      stream.getTracks().forEach(one => one.stop());
      document.removeEventListener("keydown", keys);
      document.removeEventListener("visibilitychange", hide);
      document.documentElement.classList.remove("covered");
      box.remove();
      if (before) before.focus();
    };
    const keys = event => {
      if (event.key === "Escape") stop();
      if (event.key !== "Tab") return;
      /* The focus stays in the camera. */
      const all = Array.from(box.querySelectorAll("button:not([hidden]),input")), at = all.indexOf(document.activeElement);
      event.preventDefault();
      all[(at + (event.shiftKey ? all.length - 1 : 1)) % all.length].focus();
    };
    /* Phones stop the camera of a page that is not seen. */
    const hide = () => { if (document.hidden) stop(); };
    document.addEventListener("keydown", keys);
    document.addEventListener("visibilitychange", hide);
    close.addEventListener("click", stop);
    track.addEventListener("ended", stop);
    const can = track.getCapabilities ? track.getCapabilities() : {};
    light.hidden = !can.torch;
    let lit = false;
    light.addEventListener("click", () => {
      lit = !lit;
      light.setAttribute("aria-pressed", String(lit));
      track.applyConstraints({ advanced: [{ torch: lit }] }).catch(() => { light.hidden = true; });
    });

    const blobOf = (canvas, quality) => new Promise(done => canvas.toBlob(done, "image/jpeg", quality));
    const still = async () => {
      if (taker) {
        try { return await taker.takePhoto(); } catch { taker = null; }
      }
      const canvas = make("canvas");
      canvas.width = video.videoWidth; canvas.height = video.videoHeight;
      canvas.getContext("2d").drawImage(video, 0, 0);
      return blobOf(canvas, 0.92);
    };
    const capture = async () => {
      if (busy || !video.videoWidth) return;
      busy = true;
      shoot.disabled = true;
      box.classList.add("flash");
      try {
        const picture = await still();
        if (!picture) throw new Error("no picture");
        count++;
        word.textContent = pick("Đã chụp " + count + " ảnh. Đưa tờ tiếp theo vào.", count + " captured. Bring the next paper.");
        steady.taken(seen);
        await sohoa.add(picture);
      } catch {
        word.textContent = pick("Chưa chụp được, hãy thử lại.", "Not captured; try again.");
      }
      box.classList.remove("flash");
      shoot.disabled = false;
      busy = false;
    };
    shoot.addEventListener("click", capture);

    const draw = (quad, good) => {
      lines.width = video.videoWidth; lines.height = video.videoHeight;
      if (!quad) return;
      const context = lines.getContext("2d");
      context.lineWidth = Math.max(video.videoWidth, video.videoHeight) / 120;
      context.strokeStyle = good ? "rgb(60,220,120)" : "rgb(255,190,0)";
      context.lineJoin = "round";
      context.beginPath();
      quad.forEach((corner, index) => context[index ? "lineTo" : "moveTo"](corner[0] * video.videoWidth, corner[1] * video.videoHeight));
      context.closePath();
      context.stroke();
    };
    const frame = make("canvas");
    /* One frame at a time: what is newest when the last answer has come. */
    const look = async () => {
      const began = Date.now();
      if (video.videoWidth && !busy) {
        const scale = Math.min(1, FRAME / Math.max(video.videoWidth, video.videoHeight));
        frame.width = Math.round(video.videoWidth * scale); frame.height = Math.round(video.videoHeight * scale);
        frame.getContext("2d").drawImage(video, 0, 0, frame.width, frame.height);
        const bytes = await blobOf(frame, 0.5);
        const answer = await sohoa.ask("POST", base + "/outline", { body: bytes, headers: { "Content-Type": "image/jpeg" }, patience: 3000 });
        if (!open) return;
        if (answer.status === 200) {
          const found = answer.answer, whole = found.quad && !found.cut_off && found.confidence >= 0.6;
          seen = found.quad;
          const step = steady.next(whole ? found.quad : null, Date.now());
          draw(found.quad, whole);
          if (step === "none") word.textContent = found.quad ? pick("Lùi ra cho đủ bốn góc", "Move back, show all four corners") : pick("Đưa cả tờ giấy vào khung hình", "Bring the whole paper into the frame");
          if (step === "moving" || step === "still") word.textContent = check.checked ? pick("Giữ yên…", "Hold still…") : pick("Bấm Chụp", "Press Capture");
          if (step === "capture" && check.checked) await capture();
        } else if (answer.status !== 204) {
          draw(null);
          word.textContent = pick("Bấm Chụp khi thấy đủ bốn góc", "Press Capture when all four corners are seen");
        }
        if (sohoa.isOver(answer)) { stop(); return; }
      }
      if (open) timer = setTimeout(look, Math.max(0, PAUSE - (Date.now() - began)));
    };
    look();
  };
})();
