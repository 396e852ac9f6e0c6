// Plays several sounds together, of which one is audible: switching leaves no gap.
//
// All sounds have one length and one rate.  They start at the same sample of one audio context, so
// they stay together; each has a gain of its own, which is 0 for those that are not audible.

const FADE = 0.005; // s; a gain that changes at once would click

export function render({ model }) {
  const play = element("button", { type: "button", textContent: "Play" });
  const choice = element("div", { className: "choice" });
  const bar = element("input", { type: "range", min: 0, max: 1, step: "any", value: 0 });
  const clock = element("span", {});
  const root = element("div", { className: "sounds" });
  bar.setAttribute("aria-label", "Position");
  choice.setAttribute("role", "group");
  choice.setAttribute("aria-label", "Audible version");
  root.append(play, choice, bar, clock);

  let context = null;
  let buffers = [];
  let nodes = []; // of the sounds that play: [source, gain]
  let begun = 0; // time of the context at which the sounds were at their begin
  let offset = 0; // position while nothing plays, s

  const seconds = () => (buffers.length ? buffers[0].duration : 0);
  const factor = (i) => (i === model.audible ? model.gains[i] ?? 0 : 0);

  function position() {
    if (!nodes.length) return offset;
    const passed = Math.max(0, context.currentTime - begun);
    return model.loop ? passed % seconds() : Math.min(passed, seconds());
  }

  function start() {
    if (!buffers.length) return;
    context.resume();
    if (offset >= seconds()) offset = 0;
    const at = context.currentTime + 0.02;
    begun = at - offset;
    nodes = buffers.map((buffer, i) => {
      const source = new AudioBufferSourceNode(context, { buffer, loop: model.loop });
      const gain = new GainNode(context, { gain: factor(i) });
      source.connect(gain).connect(context.destination);
      source.start(at, offset);
      return [source, gain];
    });
    nodes[0][0].onended = () => stop(0);
    play.textContent = "Pause";
    follow();
  }

  function stop(at) {
    if (nodes.length) nodes[0][0].onended = null;
    nodes.forEach(([source]) => source.stop());
    nodes = [];
    offset = at;
    play.textContent = "Play";
    show();
  }

  function show() {
    const now = position();
    bar.max = seconds();
    bar.value = now;
    clock.textContent = buffers.length ? `${(model.begin + now).toFixed(2)} s` : "";
    root.dataset.state = nodes.length ? "playing" : "stopped";
  }

  function follow() {
    show();
    if (nodes.length && root.isConnected) requestAnimationFrame(follow);
    else if (nodes.length) stop(0); // the page has removed the player
  }

  function mix() {
    nodes.forEach(([, gain], i) =>
      gain.gain.setTargetAtTime(factor(i), context.currentTime, FADE));
    [...choice.children].forEach((button, i) =>
      button.setAttribute("aria-pressed", i === model.audible));
  }

  async function load() {
    stop(0);
    context ??= new AudioContext({ sampleRate: model.rate });
    const files = model.sounds.map((text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
    buffers = await Promise.all(files.map((file) => context.decodeAudioData(file.buffer)));
    choice.replaceChildren(...model.titles.map((title, i) => {
      const button = element("button", { type: "button", textContent: title });
      button.addEventListener("click", () => { model.audible = i; });
      return button;
    }));
    play.disabled = !buffers.length;
    mix();
    show();
  }

  play.addEventListener("click", () => (nodes.length ? stop(position()) : start()));
  bar.addEventListener("input", () => {
    const playing = nodes.length;
    stop(Number(bar.value));
    if (playing) start();
  });
  model.on("sounds", load);
  model.on(["audible", "gains"], mix);
  model.on("loop", () => {
    const now = position();
    nodes.forEach(([source]) => { source.loop = model.loop; });
    if (nodes.length) begun = context.currentTime - now;
  });
  model.on("remove", () => { stop(0); context?.close(); });
  play.disabled = true;
  if (model.sounds.length) load();
  return root;
}

function element(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}
