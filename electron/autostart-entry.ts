/** The text of the autostart file; the quoting is that of the Desktop Entry Specification, "The Exec key". Pure. */

/** Inside quotes these four need a backslash, which the file's own escaping doubles; a percent sign is doubled. */
const quote = (arg: string): string =>
  `"${arg
    .replaceAll(/["`$\\]/g, (found) => `\\${found}`)
    .replaceAll('\\', '\\\\')
    .replaceAll('%', '%%')}"`

export const autostartEntry = (command: readonly string[]): string =>
  [
    '[Desktop Entry]',
    'Type=Application',
    'Name=Lattice',
    'Comment=Keeps your folders in sync',
    `Exec=${command.map(quote).join(' ')}`,
    'Icon=lattice',
    'Terminal=false',
    'X-GNOME-Autostart-enabled=true',
    '',
  ].join('\n')
