"""Everyday sentences in Bokmål for synthesised meetings, and some for their minutes alone."""

SENTENCES = """
vi må snakke om budsjettet før vi går hjem i dag
kommunen har bestemt at skolen skal få et nytt tak
det regnet hele natten og veien var stengt
hun kjøpte to brød og en liter melk i butikken
barna leker i hagen mens de venter på bestefar
toget var forsinket fordi det lå snø på skinnene
saken ble sendt tilbake til utvalget for ny behandling
kan du hjelpe meg med å finne nøklene mine
legen sa at jeg burde hvile noen dager
styret vedtok planen med åtte mot tre stemmer
det er lenge siden vi har hatt så mange gjester
bilen starter ikke når det er veldig kaldt ute
han leste boken ferdig på en eneste kveld
møtet begynner klokken ni og varer i to timer
vi har ikke mottatt svar fra departementet ennå
fiskerne kom tidlig tilbake på grunn av stormen
hvor mye koster det å leie en leilighet i byen
rapporten viser at utslippene har gått ned
jeg liker bedre te enn kaffe om morgenen
ordføreren takket alle som hadde bidratt til arbeidet
den gamle broen må repareres før vinteren
hun sykler til jobben hver dag uansett vær
prosjektet er dyrere enn vi trodde i begynnelsen
naboen vår har malt huset sitt gult
politiet ber publikum om tips i saken
det er viktig at alle får si sin mening
vi tar en pause og fortsetter etter lunsj
flyet landet trygt til tross for kraftig vind
elevene skal levere oppgaven senest på fredag
biblioteket holder åpent til klokken sju i kveld
regjeringen la fram forslaget for stortinget i går
har du husket å låse døren til kjelleren
skogen var helt stille da vi gikk gjennom den
representanten ba om ordet til forretningsorden
det finnes ingen enkle svar på dette spørsmålet
vannet i sjøen er fortsatt for kaldt til å bade
bedriften ansetter tjue nye medarbeidere neste år
han glemte paraplyen sin på bussen i morges
utstillingen åpner for publikum den første mai
vi kommer tilbake til dette på neste møte
jeg har bestilt bord til fire personer i kveld
bonden er bekymret for avlingen etter tørken
det gamle sykehuset skal bygges om til boliger
lyset gikk i hele gata midt under middagen
mange unge flytter til byen for å studere
forslaget fikk ikke flertall og falt dermed
hunden vår er redd for torden og fyrverkeri
takk for oppmerksomheten og god helg til alle sammen
""".strip().splitlines()
NOT_SAID = """
det vises ellers til vedlegg nummer tre
representanten beklaget at saken ikke var bedre forberedt
presidenten minnet om taletiden
dette ble senere rettet i protokollen
""".strip().splitlines()
