"use strict";
/* The review page by keys: what bears data-key is clicked by that key. Links and forms of the page are fetched and put in
   place, so that pictures that are there already are seen at once. Without this script they work as any do. */
(() => {
  if (window.sohoaReview) return;
  window.sohoaReview = true;
  const $ = (selector, from) => (from || document).querySelector(selector);
  const all = (selector, from) => [...(from || document).querySelectorAll(selector)];
  const names = { ArrowLeft: "←", ArrowRight: "→", Enter: "↵" };
  const shown = key => key.split("+").map(part => names[part] || part).join("+");

  let asked = 0;
  async function go(url, options) {
    const turn = ++asked;
    $("main").classList.add("busy");
    try {
      const answer = await fetch(url, options);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (turn !== asked) return;
      const main = $("main", page);
      if (!main) { location.href = url; return; }
      if (!answer.ok) { refuse(main); return; }
      if (!$(".review", main)) { location.href = answer.url; return; }
      const shows = main.innerHTML;
      $("main").dataset.live = main.dataset.live || "";
      $("main").replaceChildren(...main.childNodes);
      $("main").dispatchEvent(new CustomEvent("sohoa:shows", { detail: shows }));
      history.replaceState(null, "", answer.url);
      document.title = page.title;
      dress();
    } catch { refuse(null); } finally { $("main").classList.remove("busy"); }
  }

  /* What was refused is told above the page, which stays. */
  function refuse(main) {
    const vi = document.documentElement.lang === "vi";
    const told = (main && $(".error", main)) || Object.assign(document.createElement("p"), { className: "error",
      textContent: vi ? "Mất kết nối với máy chủ; hãy thử lại." : "The server cannot be reached; try again." });
    all("main > .error").forEach(old => old.remove());
    told.setAttribute("role", "alert");
    $("main").prepend(told);
  }

  /* What only scripts can do, on a page just put in place. */
  function dress() {
    all("[data-key]").forEach(one => {
      if (one.matches("input")) return;
      const key = document.createElement("kbd");
      key.textContent = shown(one.dataset.key.split(" ")[0]);
      key.ariaHidden = true;
      one.append(key);
    });
    all("[data-do=zoom]").forEach(one => { one.hidden = !$("[data-full]"); });
    if (zoomed) zoom(true);
    const drawing = $("[data-outline]");
    if (drawing) outline(drawing);
    const next = $("a[rel=next]");
    if (next) new Image().src = next.href.replace(/pages\?page=([\d-]+).*/, "pages/$1/page.jpg?v=" + edit(next));
    const strip = $(".strip [aria-current]");
    if (strip) {
      const frame = strip.closest("ol").scrollWidth > strip.closest("ol").clientWidth ? strip.closest("ol") : strip.closest(".strip");
      frame.scrollTop = strip.offsetTop - frame.offsetTop - frame.clientHeight / 3;
      frame.scrollLeft = strip.offsetLeft - frame.offsetLeft - frame.clientWidth / 3;
    }
  }
  /* The version of a page's picture is in its thumbnail's address. */
  const edit = link => {
    const thumbnail = all(".strip a").find(one => one.href === link.href.replace("&view=capture", ""));
    return thumbnail ? new URL($("img", thumbnail).src).searchParams.get("v") : "";
  };

  document.addEventListener("click", event => {
    const link = event.target.closest("a[href]"), mark = event.target.closest("mark[data-at]");
    if (event.target.closest("[data-do=zoom]")) zoom(!zoomed);
    else if (mark) point(mark.dataset.at.split(" "));
    else if (link && /\/pages(\?page=|$)/.test(link.href) && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      go(link.href);
    }
  });
  document.addEventListener("submit", event => {
    const form = event.target;
    if (!form.closest("main") || !$(".review")) return;
    event.preventDefault();
    const data = new FormData(form, event.submitter);
    const body = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
    go(form.action, { method: "POST", body });
  });
  document.addEventListener("keydown", event => {
    const at = event.target, types = at.matches("input, select, textarea");
    if (event.key === "Escape") { at.blur(); return; }
    if (types || event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    if (event.key === "Enter" && at.matches("a, button, summary")) return;
    const key = (event.shiftKey && event.key.length !== 1 || /^[A-Z]$/.test(event.key) ? "Shift+" : "") + event.key;
    const is = one => one.dataset.key.split(" ").includes(key) && !one.disabled && !one.hidden;
    const one = all("[data-key]").find(is);
    if (!one) return;
    event.preventDefault();
    if (one.matches("input")) one.focus();
    else one.click();
    const inside = one.matches("summary") && $("input:not([type=hidden])", one.parentElement);
    if (inside) inside.focus();
  });

  let zoomed = false;
  function zoom(on) {
    const figure = $(".picture[data-full]"), button = $("[data-do=zoom]");
    if (!figure) return;
    zoomed = on;
    figure.classList.toggle("zoomed", on);
    button.ariaPressed = String(on);
    const image = $("img", figure);
    if (on && !image.dataset.full) { image.dataset.full = "1"; image.src = figure.dataset.full; }
  }

  /* Shows a word on the picture. */
  function point([x, y, width, height]) {
    all("rect.here").forEach(one => one.remove());
    const svg = $(".picture svg");
    if (!svg || svg.matches("[data-outline]")) return;
    const here = document.createElementNS(svg.namespaceURI, "rect");
    Object.entries({ class: "here", x: x - 6, y: y - 6, width: +width + 12, height: +height + 12 })
      .forEach(([name, value]) => here.setAttribute(name, value));
    svg.append(here);
    here.scrollIntoView({ block: "center", inline: "center" });
  }

  /* Four corners that can be dragged, or moved by the arrow keys. */
  function outline(svg) {
    const polygon = $("polygon", svg), field = $("input[name=outline]"), button = $("button[value=outline]");
    if (!field) return;
    const box = svg.viewBox.baseVal, step = Math.max(box.width, box.height) / 400;
    const points = field.value.split(" ").map(pair => pair.split(",").map(Number));
    const write = () => {
      polygon.setAttribute("points", field.value = points.map(point => point.map(v => v.toFixed(1)).join(",")).join(" "));
      dots.forEach((dot, index) => { dot.setAttribute("cx", points[index][0]); dot.setAttribute("cy", points[index][1]); });
    };
    const move = (index, x, y) => { points[index] = [x, y]; button.disabled = false; svg.dataset.changed = "1"; write(); };
    const dots = points.map((_, index) => {
      const dot = document.createElementNS(svg.namespaceURI, "circle");
      dot.setAttribute("r", step * 5);
      dot.setAttribute("tabindex", 0);
      dot.setAttribute("role", "button");
      dot.setAttribute("aria-label", (document.documentElement.lang === "vi" ? "Góc " : "Corner ") + (index + 1));
      dot.addEventListener("pointerdown", event => { dot.setPointerCapture(event.pointerId); dot.focus(); event.preventDefault(); });
      dot.addEventListener("pointermove", event => {
        if (!dot.hasPointerCapture(event.pointerId)) return;
        const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
        move(index, at.x, at.y);
      });
      dot.addEventListener("keydown", event => {
        const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
        if (!by) return;
        event.preventDefault();
        event.stopPropagation();
        const far = event.shiftKey ? 8 * step : step;
        move(index, points[index][0] + by[0] * far, points[index][1] + by[1] * far);
      });
      svg.append(dot);
      return dot;
    });
    write();
  }

  document.addEventListener("sohoa:put", dress);
  dress();
})();
