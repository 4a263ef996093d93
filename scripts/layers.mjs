/**
 * Which file may import what: the table of the layers, as data and one pure function. ESLint applies it
 * (`eslint-rules.mjs`); `layers.test.ts` proves that it fires.
 *
 * Layers: proto ← kernel ← sync, fs-bridge ← daemon ← electron; the renderer sees generated types only. The shell shares
 * the languages and their texts with the page that it shows. Across layers one imports by `#layer/…`, inside one by a
 * relative path.
 */

/** Layer → the layers it may import, besides itself. @type {Readonly<Record<string, readonly string[]>>} */
const layerMayImport = {
  proto: [],
  kernel: ['proto'],
  sync: ['proto', 'kernel'],
  'fs-bridge': ['proto', 'kernel'],
  daemon: ['proto', 'kernel', 'sync', 'fs-bridge'],
  electron: ['proto', 'kernel', 'sync', 'fs-bridge', 'daemon'],
  renderer: ['proto'],
  e2e: ['proto', 'kernel', 'sync', 'fs-bridge', 'daemon', 'electron', 'renderer', 'scripts'],
  scripts: [],
}

/** The one room of a layer that another may import, which knows nothing of the rest of its layer. */
const languageRoom = 'renderer/i18n/'

/** Room of the kernel → the rooms it may import, besides itself. @type {Readonly<Record<string, readonly string[]>>} */
const roomMayImport = {
  core: [],
  storage: ['core'],
  dag: ['core', 'storage'],
  state: ['core', 'storage', 'dag'],
  store: ['core', 'storage', 'dag', 'state'],
  cas: ['core', 'storage'],
}

/** Packages that belong to one place: the engine has no sockets. */
const packagesAt = [
  {
    packages: /^(libp2p$|@libp2p\/|@multiformats\/multiaddr|multicast-dns)/,
    allowed: /^(sync\/transport\/|daemon\/|e2e\/)/,
  },
  {
    packages: /^node:(net|tls|dgram|http|https|http2|dns)$/,
    allowed: /^(sync\/transport\/|daemon\/|electron\/|e2e\/|scripts\/)/,
  },
  { packages: /^fuse-native$/, allowed: /^fs-bridge\/mount\// },
  { packages: /^lmdb$/, allowed: /^kernel\/storage\// },
  { packages: /^electron$/, allowed: /^(electron|e2e)\// },
]

/** Tests put rooms of one layer together; the product's code does not. */
const isTest = (/** @type {string} */ path) => /\.(test|fuzz|bench|campaign)\.ts$|\/testing\//.test(path)

/**
 * Why `file` may not import `specifier`; undefined when it may.
 * @param {string} file path from the root, with slashes
 * @param {string} specifier as written
 * @returns {string | undefined}
 */
export function importFault(file, specifier) {
  const [layer = ''] = file.split('/')
  const allowedLayers = layerMayImport[layer]
  if (allowedLayers === undefined) return undefined
  if (!specifier.startsWith('.') && !specifier.startsWith('#')) return packageFault(file, specifier)
  const target = specifier.startsWith('#') ? specifier.slice(1) : resolveFrom(file, specifier)
  const [targetLayer = ''] = target.split('/')
  if (targetLayer !== layer) {
    const hasName = layer !== 'scripts' && targetLayer !== 'scripts'
    if (!specifier.startsWith('#') && hasName) return `import across layers by name: '#${target}'`
    if (layer === 'electron' && target.startsWith(languageRoom)) return undefined
    if (!allowedLayers.includes(targetLayer)) return `${layer} must not know ${targetLayer}`
    return undefined
  }
  if (layer === 'kernel') return roomFault(file, target)
  return undefined
}

/** @param {string} file @param {string} target */
function roomFault(file, target) {
  const room = file.split('/')[1] ?? ''
  const targetRoom = target.split('/')[1] ?? ''
  if (room === targetRoom || isTest(file)) return undefined
  return roomMayImport[room]?.includes(targetRoom) === false
    ? `kernel/${room} must not know kernel/${targetRoom}`
    : undefined
}

/** @param {string} file @param {string} specifier */
function packageFault(file, specifier) {
  if (file.startsWith('kernel/core/') && !isTest(file) && specifier.startsWith('node:') && specifier !== 'node:crypto')
    return `kernel/core is pure: of Node it may use node:crypto only`
  if (file.startsWith('renderer/') && specifier.startsWith('node:')) return 'the renderer runs in a browser'
  const rule = packagesAt.find(({ packages, allowed }) => packages.test(specifier) && !allowed.test(file))
  return rule && `'${specifier}' does not belong here; it belongs in ${rule.allowed.source.replaceAll(/[\^\\()]/g, '')}`
}

/** @param {string} file @param {string} specifier */
function resolveFrom(file, specifier) {
  const parts = file.split('/').slice(0, -1)
  for (const step of specifier.split('/')) {
    if (step === '..') parts.pop()
    else if (step !== '.') parts.push(step)
  }
  return parts.join('/')
}
