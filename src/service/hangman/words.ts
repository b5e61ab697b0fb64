/** The words that are guessed unless a file is given: of the sea, of networks, and a few that are hard to guess. */
export const words: readonly string[] = `
address albatross anchor antenna archipelago astrolabe atlas backlog bandwidth barnacle beacon binnacle boatswain
bollard bowsprit breakwater broadcast buffer buoy byte cable capstan captain caravel cargo chart client coast cockle
collision compass congestion connection coral current cutter datagram daybreak deadline deck descriptor dinghy dolphin
domain driftwood ebb echo eddy endpoint estuary ethernet fathom ferry fjord flagship flotsam fog frame frigate galleon
gateway gust halyard handshake harbour hawser header helm horizon hull iceberg inlet interface island isthmus jellyfish
jetsam jetty journey kayak keel kernel knot lagoon lantern latency latitude league lighthouse listener log longitude
lookout loopback mackerel mainsail mariner marina mast mermaid midnight monsoon mooring multicast mutiny navigator
network north oarsman ocean octopus offing orca outrigger oyster packet parcel passage payload pelican peninsula
phosphor pilot pirate pole poll portal portolan port privateer process promontory protocol prow quadrant quay queue
rapids reef regatta register remote rhythm rigging router rudder sailor scallop schooner scurvy seagull seaweed segment
select semaphore sentinel server sextant shanty shipwreck shoal signal skipper sloop socket sonar spray squall squid
starboard starfish stern stevedore storm stowaway stream surf swell switch tackle tempest thread throughput thunder
tide timeout token topsail trawler trident tunnel turbulence turtle typhoon undertow vessel voyage walrus wave weather
wharf whirlpool window winch wreck xebec yacht yardarm zenith zephyr zigzag
`
  .trim()
  .split(/\s+/);
