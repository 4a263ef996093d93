/** The one name that the preload script and the shell share. */
export const PORT_CHANNEL = 'lattice:port'
