// The network and the preparation of its images, in plain script: no worker, no library, no network.
// Follows charrec/data/foreign.py and Pillow's bicubic resampling to the bit; tests/report/test_board.py holds it to them.
function charrecBoard(net) {
  "use strict";
  const f = Math.fround;

  function bytes(text) {
    const raw = atob(text), out = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
    return out;
  }

  const whole = new Int8Array(bytes(net.kernels).buffer), floats = new Float32Array(bytes(net.floats).buffer);
  let atWhole = 0, atFloat = 0;
  (function fill(layers) {
    for (const layer of layers) {
      if (layer.inner) fill(layer.inner);
      if (!layer.shape) continue;
      const count = layer.shape.reduce((a, b) => a * b), channels = layer.shape[layer.shape.length - 1];
      const scale = floats.subarray(atFloat, atFloat + channels);
      layer.bias = floats.subarray(atFloat + channels, atFloat + 2 * channels);
      layer.kernel = new Float32Array(count);
      for (let i = 0; i < count; i++) layer.kernel[i] = whole[atWhole + i] * scale[i % channels];
      atWhole += count;
      atFloat += 2 * channels;
    }
  })(net.layers);

  // ---- the preparation: (side, side) uint8 of either polarity -> (size, size) uint8, black on white; null: blank
  // A square, for of others Pillow resamples some by rows first and some by columns, which rounds otherwise.

  // The first rise through one half, px from the start; `profile` is padded by a zero on either side.
  function crossing(profile) {
    let first = 0;
    while (first < profile.length && profile[first] < 0.5) first++;
    const value = profile[first], before = profile[first - 1];
    return first - 0.5 - f(f(value - 0.5) / f(value - before));
  }

  function extent(profile) {
    const padded = [0, ...profile, 0];
    const start = crossing(padded);
    return [start, profile.length - crossing(padded.reverse())];
  }

  // 8-connected pieces minus holes, from 2x2 quads (Gray 1971).
  function euler(mask, w, h) {
    const at = (x, y) => (x < 0 || y < 0 || x >= w || y >= h ? 0 : mask[y * w + x]);
    let sum = 0;
    for (let y = -1; y < h; y++)
      for (let x = -1; x < w; x++) {
        const a = at(x, y), b = at(x + 1, y), c = at(x, y + 1), d = at(x + 1, y + 1), filled = a + b + c + d;
        sum += filled === 1 ? 1 : filled === 3 ? -1 : filled === 2 && a === d ? -2 : 0;
      }
    return Math.floor(sum / 4);
  }

  function profiles(values, w, h) {
    const columns = new Float32Array(w), rows = new Float32Array(h);
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) {
        const v = values[y * w + x];
        if (v > columns[x]) columns[x] = v;
        if (v > rows[y]) rows[y] = v;
      }
    return [columns, rows];
  }

  function offCentre(mask, w, h) {
    return profiles(mask, w, h).reduce((sum, one) => {
      const [start, end] = extent(one);
      return sum + Math.abs(start + end - one.length);
    }, 0);
  }

  function inkIsDark(image, w, h, low, high) {
    const dark = new Uint8Array(w * h), light = new Uint8Array(w * h);
    let count = 0, darkest = 0, lightest = 0;
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) {
        const i = y * w + x, twice = 2 * image[i];
        dark[i] = twice < low + high ? 1 : 0;
        light[i] = twice > low + high ? 1 : 0;
        if (x === 0 || y === 0 || x === w - 1 || y === h - 1) {
          count++;
          darkest += dark[i];
          lightest += light[i];
        }
      }
    let border = lightest / count - darkest / count;
    if (Math.abs(border) < net.unanimous) {
      const pieces = Math.max(-2, Math.min(2, euler(light, w, h) - euler(dark, w, h)));
      const shift = (offCentre(light, w, h) - offCentre(dark, w, h)) / h;
      border += Math.min(1, h / net.full) * (net.pieces * pieces + net.centring * shift);
    }
    return border > 0;
  }

  function halfEven(x) {
    const low = Math.floor(x), rest = x - low;
    return rest < 0.5 ? low : rest > 0.5 ? low + 1 : low % 2 ? low + 1 : low;
  }

  function prepare(image, side, size) {
    const w = side, h = side;
    let low = 255, high = 0;
    for (const v of image) {
      if (v < low) low = v;
      if (v > high) high = v;
    }
    if (high - low < net.faintest) return null;
    const dark = inkIsDark(image, w, h, low, high), ink = new Float32Array(w * h);
    const least = dark ? 255 - high : low;
    for (let i = 0; i < ink.length; i++) ink[i] = f((dark ? 255 - image[i] : image[i]) - least) / f(high - low);
    const [columns, rows] = profiles(ink, w, h), [left, right] = extent(columns), [top, bottom] = extent(rows);
    const x = (left + right) / 2, y = (top + bottom) / 2;
    const reach = ((Math.max(right - left, bottom - top) / 2) * net.frame) / net.glyph;
    const margin = Math.ceil(reach) + 1, wide = w + 2 * margin, tall = h + 2 * margin;
    const paper = new Uint8Array(wide * tall).fill(255);
    for (let v = 0; v < h; v++)
      for (let u = 0; u < w; u++) paper[(v + margin) * wide + u + margin] = 255 - halfEven(f(255 * ink[v * w + u]));
    const box = [x - reach, y - reach, x + reach, y + reach].map((end) => f(end + margin));
    const across = resample(paper, wide, tall, box[0], box[2], size);
    return turned(resample(turned(across, size, tall), tall, size, box[1], box[3], size), size, size);
  }

  function turned(image, w, h) {
    const out = new Uint8Array(w * h);
    for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) out[x * h + y] = image[y * w + x];
    return out;
  }

  function bicubic(x) {
    x = Math.abs(x);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
  }

  // Pillow's horizontal pass: fixed-point coefficients of 22 bits, rounded and clipped to a byte.
  function resample(image, w, h, from, to, size) {
    const scale = f(to - from) / size, wider = Math.max(scale, 1), support = 2 * wider, out = new Uint8Array(size * h);
    for (let place = 0; place < size; place++) {
      const centre = from + (place + 0.5) * scale;
      const first = Math.max(Math.trunc(centre - support + 0.5), 0), last = Math.min(Math.trunc(centre + support + 0.5), w);
      const shares = [];
      let sum = 0;
      for (let x = first; x < last; x++) {
        shares.push(bicubic((x - centre + 0.5) * (1 / wider)));
        sum += shares[shares.length - 1];
      }
      const fixed = shares.map((s) => Math.trunc((s / sum) * 4194304 + (s / sum < 0 ? -0.5 : 0.5)));
      for (let y = 0; y < h; y++) {
        let total = 2097152;
        for (let k = 0; k < fixed.length; k++) total += image[y * w + first + k] * fixed[k];
        out[y * size + place] = Math.max(0, Math.min(255, Math.floor(total / 4194304)));
      }
    }
    return out;
  }

  // ---- the network: values are { w, h, c, data } with channels last

  function convolve(input, layer) {
    const [kh, kw, cin, cout] = layer.shape, { w, h } = input, stride = layer.stride;
    const outW = layer.same ? Math.ceil(w / stride) : Math.floor((w - kw) / stride) + 1;
    const outH = layer.same ? Math.ceil(h / stride) : Math.floor((h - kh) / stride) + 1;
    const padX = layer.same ? Math.max((outW - 1) * stride + kw - w, 0) >> 1 : 0;
    const padY = layer.same ? Math.max((outH - 1) * stride + kh - h, 0) >> 1 : 0;
    const data = new Float32Array(outW * outH * cout);
    for (let oy = 0; oy < outH; oy++)
      for (let ox = 0; ox < outW; ox++) {
        const sums = data.subarray((oy * outW + ox) * cout, (oy * outW + ox + 1) * cout);
        sums.set(layer.bias);
        for (let ky = 0; ky < kh; ky++) {
          const iy = oy * stride + ky - padY;
          if (iy < 0 || iy >= h) continue;
          for (let kx = 0; kx < kw; kx++) {
            const ix = ox * stride + kx - padX;
            if (ix < 0 || ix >= w) continue;
            for (let ci = 0; ci < cin; ci++) {
              const v = input.data[(iy * w + ix) * cin + ci];
              if (v === 0) continue;
              const at = ((ky * kw + kx) * cin + ci) * cout;
              for (let co = 0; co < cout; co++) sums[co] += v * layer.kernel[at + co];
            }
          }
        }
        if (layer.relu) for (let co = 0; co < cout; co++) if (sums[co] < 0) sums[co] = 0;
      }
    return { w: outW, h: outH, c: cout, data };
  }

  function pool(input, { size, stride }) {
    const { w, h, c } = input, outW = Math.floor((w - size) / stride) + 1, outH = Math.floor((h - size) / stride) + 1;
    const data = new Float32Array(outW * outH * c).fill(-Infinity);
    for (let oy = 0; oy < outH; oy++)
      for (let ox = 0; ox < outW; ox++)
        for (let k = 0; k < size * size; k++) {
          const from = ((oy * stride + Math.floor(k / size)) * w + ox * stride + (k % size)) * c, to = (oy * outW + ox) * c;
          for (let i = 0; i < c; i++) if (input.data[from + i] > data[to + i]) data[to + i] = input.data[from + i];
        }
    return { w: outW, h: outH, c, data };
  }

  function vector(data) {
    return { w: 1, h: 1, c: data.length, data };
  }

  function apply(input, layer) {
    switch (layer.kind) {
      case "scale": return { ...input, data: input.data.map((v) => v * layer.factor + layer.offset) };
      case "conv": return convolve(input, layer);
      case "pool": return pool(input, layer);
      case "flat": return vector(input.data);
      case "mean": {
        const out = new Float32Array(input.c), area = input.w * input.h;
        input.data.forEach((v, i) => { out[i % input.c] += v / area; });
        return vector(out);
      }
      case "residual": {
        const change = layer.inner.reduce(apply, input);
        return { ...change, data: change.data.map((v, i) => Math.max(v + input.data[i], 0)) };
      }
      case "dense": return convolve({ ...vector(input.data) }, { ...layer, shape: [1, 1, ...layer.shape], stride: 1 });
      default: throw new Error(`no layer ${layer.kind}`);
    }
  }

  function softmax(logits) {
    const most = Math.max(...logits), powers = Array.from(logits, (v) => Math.exp(v - most));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((v) => v / sum);
  }

  // (size, size) uint8 -> the probability of each class, at the network's temperature
  function read(glyph) {
    const input = { w: net.size, h: net.size, c: 1, data: Float32Array.from(glyph) };
    return softmax(net.layers.reduce(apply, input).data.map((logit) => logit / net.temperature));
  }

  return { prepare, read, size: net.size, classes: net.classes };
}

// The canvas of the section: one draws with mouse, finger or pen, and reads the five likeliest characters.
function charrecDraw(section, net) {
  "use strict";
  const board = charrecBoard(net), canvas = section.querySelector("canvas.pad"), seen = section.querySelector("canvas.seen");
  const said = section.querySelector("[role=status]"), list = section.querySelector("ol"), paint = canvas.getContext("2d", { willReadFrequently: true });
  const side = canvas.width;
  let last = null, waiting = 0;

  function name(c) {
    if (c <= "9") return say("digit {c}", { c });
    return c < "a" ? say("capital {c}", { c }) : say("small {c}", { c });
  }

  function clear() {
    paint.fillStyle = "#fff";
    paint.fillRect(0, 0, side, side);
    list.replaceChildren();
    seen.getContext("2d").clearRect(0, 0, seen.width, seen.height);
    said.textContent = say("Nothing is drawn.");
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * side) / box.width, ((event.clientY - box.top) * side) / box.height];
  }

  function line(from, to) {
    paint.strokeStyle = "#000";
    paint.lineWidth = side / 13;
    paint.lineCap = paint.lineJoin = "round";
    paint.beginPath();
    paint.moveTo(...from);
    paint.lineTo(...to);
    paint.stroke();
    clearTimeout(waiting);
    waiting = setTimeout(answer, 120);
  }

  function answer() {
    const pixels = paint.getImageData(0, 0, side, side).data, grey = new Uint8Array(side * side);
    for (let i = 0; i < grey.length; i++) grey[i] = pixels[4 * i];
    const glyph = board.prepare(grey, side, board.size);
    if (!glyph) return clear();
    const image = new ImageData(board.size, board.size);
    glyph.forEach((v, i) => image.data.set([v, v, v, 255], 4 * i));
    seen.getContext("2d").putImageData(image, 0, 0);
    const shares = board.read(glyph), order = shares.map((_, k) => k).sort((a, b) => shares[b] - shares[a]).slice(0, 5);
    list.replaceChildren(...order.map((k) => {
      const item = document.createElement("li"), sign = document.createElement("span"), meter = document.createElement("span");
      const share = document.createElement("span");
      share.className = "share";
      sign.className = "ch big";
      sign.textContent = board.classes[k];
      meter.className = "meter";
      meter.append(document.createElement("i"));
      meter.firstChild.style.width = `${(100 * shares[k]).toFixed(1)}%`;
      share.textContent = percent(100 * shares[k], 1);
      item.append(sign, " ", share, " ", meter);
      return item;
    }));
    said.textContent = say("Read as {c}.", { c: name(board.classes[order[0]]) });
  }

  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    last = place(event);
    line(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const now = place(event);
    line(last, now);
    last = now;
  });
  for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, () => { last = null; });
  section.querySelector("button").addEventListener("click", clear);
  clear();
}
