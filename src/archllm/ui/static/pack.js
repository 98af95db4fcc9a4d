// A folder as one zip archive, without compression: photos are compressed already. Files are read piece by piece, so
// that a large folder is never in memory as a whole.

const TABLE = new Uint32Array(256).map((_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** CRC-32 of a file (ISO 3309), as archives have it. */
async function checksum(file) {
  let value = 0xffffffff;
  const reader = file.stream().getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    for (const byte of piece.value) value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  }
  return (value ^ 0xffffffff) >>> 0;
}

/** Numbers of 2 or 4 bytes, little-endian. */
function bytes(...fields) {
  const out = new DataView(new ArrayBuffer(fields.reduce((sum, [size]) => sum + size, 0)));
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 2) out.setUint16(at, value, true); else out.setUint32(at, value, true);
    at += size;
  }
  return out.buffer;
}

const UTF8 = 0x0800; // names are UTF-8
const DAY = 0x21; // 1980-01-01, the first there is
const MOST = 65_000; // files, without extensions of the format

/** An archive (APPNOTE 6.3.10, 4.3) of files, `{ name, file }` each; `told` hears how many are read. */
export async function packed(files, told) {
  if (files.length > MOST) throw new Error(`A folder has at most ${MOST.toLocaleString()} files here; make a .zip of it and drop that.`);
  const parts = [];
  const entries = [];
  let offset = 0;
  for (const [number, { name, file }] of files.entries()) {
    const path = new TextEncoder().encode(name);
    const about = [[2, UTF8], [2, 0], [2, 0], [2, DAY], [4, await checksum(file)], [4, file.size], [4, file.size], [2, path.length], [2, 0]];
    parts.push(bytes([4, 0x04034b50], [2, 20], ...about), path, file);
    entries.push(bytes([4, 0x02014b50], [2, 20], [2, 20], ...about, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]), path);
    offset += 30 + path.length + file.size;
    told(number + 1);
  }
  const length = entries.reduce((sum, each) => sum + each.byteLength, 0);
  const end = bytes([4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, length], [4, offset], [2, 0]);
  return new Blob([...parts, ...entries, end], { type: "application/zip" });
}

/** Hidden files, which systems add and nobody means. */
const meant = (name) => !name.split("/").some((part) => part.startsWith(".") || part === "__MACOSX");

/** Files of a field for folders, or null for one archive: `{ name, files }`. */
export function chosen(list) {
  const files = [...list].map((file) => ({ name: file.webkitRelativePath || file.name, file }));
  return folded(files);
}

/** Files of what was dropped. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return folded([...transfer.files].map((file) => ({ name: file.name, file })));
  const files = [];
  for (const entry of entries) await walk(entry, "", files);
  return folded(files);
}

async function walk(entry, above, files) {
  const name = above + entry.name;
  if (!meant(name)) return;
  if (entry.isFile) {
    files.push({ name, file: await new Promise((good, bad) => { entry.file(good, bad); }) });
    return;
  }
  const reader = entry.createReader();
  for (;;) { // entries come some at a time
    const some = await new Promise((good, bad) => { reader.readEntries(good, bad); });
    if (!some.length) return;
    for (const each of some) await walk(each, `${name}/`, files);
  }
}

/** What a set of files is called: after its folder, where there is one. */
function folded(files) {
  const kept = files.filter((each) => meant(each.name));
  const tops = new Set(kept.map((each) => each.name.split("/")[0]));
  const name = tops.size === 1 ? [...tops][0] : "images";
  return { name, files: kept };
}
