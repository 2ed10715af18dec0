"""The report in French: an English text of the source, with its placeholders and tags, to the French one.

A page's texts are found where they are said (language.py); tests/report/test_language.py holds this catalogue to them.
It is typed with plain spaces: those before ; : ? ! % and within « » become ones that do not break.
"""

_TYPED = {
    # numbers and names
    "{low} to {high}": "{low} à {high}",
    "{items} and {last}": "{items} et {last}",
    "{n} of {all}": "{n} sur {all}",
    "{n} of {all} so far": "{n} sur {all} jusqu’ici",
    "{n} %": "{n} %",
    "{n} or more": "{n} ou plus",
    "{n} after {epochs}": "{n} après {epochs}",
    "“{text}”": "« {text} »",
    "{source}, version {version}": "{source}, version {version}",
    "; {low} against {high}": " ; {low} contre {high}",
    "fonts installed with charrec": "polices installées avec charrec",
    "fonts kept out of training": "polices gardées hors de l’entraînement",
    "UCI Optical Recognition of Handwritten Digits, as bundled with scikit-learn":
        "Optical Recognition of Handwritten Digits de l’UCI, tel que fourni avec scikit-learn",
    "Model {number}": "Modèle {number}",
    "no {model}": "pas de {model}",
    "digit {c}": "chiffre {c}",
    "capital {c}": "{c} majuscule",
    "small {c}": "{c} minuscule",
    "letter {c}": "lettre {c}",
    "GiB": "Gio",
    "core": "cœur",
    "cores": "cœurs",
    "epoch": "époque",
    "epochs": "époques",
    "trial": "essai",
    "trials": "essais",
    "configuration": "configuration",
    "configurations": "configurations",
    "promotion": "promotion",
    "promotions": "promotions",
    "font": "police",
    "fonts": "polices",
    "group": "groupe",
    "groups": "groupes",
    "image": "image",
    "images": "images",
    "network": "réseau",
    "networks": "réseaux",
    "mistake": "erreur",
    "mistakes": "erreurs",
    "package": "paquet",
    "packages": "paquets",
    "point": "point",
    "setting": "réglage",
    "settings": "réglages",
    "points": "points",
    "bar": "barre",
    "bars": "barres",
    "time": "fois",
    "times": "fois",
    "other": "autre",
    "others": "autres",
    "different picture": "dessin différent",
    "different pictures": "dessins différents",
    "validation image": "image de validation",
    "validation images": "images de validation",
    "d": "j",
    # networks and their layers
    "three convolutions, one hidden layer": "trois convolutions, une couche cachée",
    "model 1 with augmentation and dropout": "modèle 1 avec augmentation et dropout",
    "wider, overlapping pools": "plus large, à fenêtres de pooling chevauchantes",
    "sized by the search": "dimensionné par la recherche",
    "this project’s own, after the deck: residual, trained on warped glyphs at 32 px":
        "propre à ce projet, après la présentation : résiduel, entraîné sur des glyphes déformés de 32 px",
    "convolution {n}×{n}": "convolution {n}×{n}",
    "stride {n}": "pas de {n}",
    "normalised": "normalisée",
    "largest of {n}×{n}, stride 2": "maximum sur {n}×{n}, pas de 2",
    "two convolutions 3×3, normalised, added to their input":
        "deux convolutions 3×3, normalisées, ajoutées à leur entrée",
    "dense, ReLU": "dense, ReLU",
    "dense": "dense",
    "scaled to 0 to 1": "mise à l’échelle entre 0 et 1",
    "scaled to 0 to 1, ink 1": "mise à l’échelle entre 0 et 1, encre à 1",
    "flattened": "mise à plat",
    "augmentation, in training only": "augmentation, à l’entraînement seulement",
    "warps, in training only": "déformations, à l’entraînement seulement",
    "mean of each channel": "moyenne de chaque canal",
    "dropout of {share}, in training only": "dropout de {share}, à l’entraînement seulement",
    "filters of the first convolution": "filtres de la première convolution",
    "of the second": "de la deuxième",
    "of the third": "de la troisième",
    "the share of activations left out in training": "la part des activations mises à zéro à l’entraînement",
    "the width of the hidden layer": "la largeur de la couche cachée",
    "Adam’s step size": "le taux d’apprentissage d’Adam",
    # ways, sets, parts and kinds
    "original": "originales",
    "prepared": "préparées",
    "the reference’s way": "à la façon de la référence",
    "Letters": "Lettres",
    "Digits": "Chiffres",
    "Years, 1900–2099": "Années, 1900–2099",
    "Months, JAN–DEC": "Mois, JAN–DEC",
    "Five capitals": "Cinq majuscules",
    "years": "années",
    "months": "mois",
    "words": "mots",
    "character": "caractère",
    "weight": "graisse",
    "slant": "inclinaison",
    "digits": "chiffres",
    "capitals": "majuscules",
    "small letters": "minuscules",
    "font kind": "type de police",
    "serif": "à empattements",
    "sans serif": "sans empattements",
    "monospace": "à chasse fixe",
    "display": "de titrage",
    "handwriting": "manuscrites",
    "regular": "normale",
    "bold": "grasse",
    "upright": "droite",
    "italic": "italique",
    "26 capitals": "26 majuscules",
    "10 digits": "10 chiffres",
    "62 classes": "62 classes",
    "cases folded": "casse ignorée",
    # steps
    "pack glyphs": "empaqueter les glyphes",
    "pack letters": "empaqueter les lettres",
    "pack digits": "empaqueter les chiffres",
    "search": "recherche",
    "choose the precision": "choisir la précision de calcul",
    "predict": "prédire",
    "evaluate": "évaluer",
    "train {model}": "entraîner le {model}",
    # the head of the page
    "A character-recognition study of {networks}": "Une étude de reconnaissance de caractères par {networks}",
    "{model} reads {share} of the validation characters": "{model} lit {share} des caractères de validation",
    "<strong>Data: {source}</strong>. {images} images from {fonts}.":
        "<strong>Données : {source}</strong>. {images} images tirées de {fonts}.",
    "<strong>Not comparable with the reference.</strong> {why} The reference’s figures on this page were measured on "
    "another data set, Chars74K: they are shown for orientation and do not tell whether these networks are better or "
    "worse.":
        "<strong>Non comparable à la référence.</strong> {why} Les chiffres de la référence sur cette page ont été "
        "mesurés sur un autre jeu de données, Chars74K : ils servent de repère et ne disent pas si ces réseaux sont "
        "meilleurs ou moins bons.",
    "This study did not use Chars74K, but the embedded set drawn from the fonts installed with charrec.":
        "Cette étude n’a pas utilisé Chars74K, mais le jeu intégré, dessiné avec les polices installées avec charrec.",
    "Nothing identifies this study’s data as Chars74K.": "Rien n’identifie les données de cette étude à Chars74K.",
    "<strong>Not the reference’s set-up.</strong> The data are the same, but this study used {differences}.":
        "<strong>Pas la configuration de la référence.</strong> Les données sont les mêmes, mais cette étude s’en "
        "écarte ainsi : {differences}.",
    "images of {own} px instead of {full} px": "images de {own} px au lieu de {full} px",
    "a split by font": "un découpage par police",
    "{fonts} instead of all": "{fonts} au lieu de toutes",
    "a search of {own} points instead of {full}": "une recherche sur {own} points au lieu de {full}",
    "{epochs} for {model} instead of {full}": "{epochs} pour le {model} au lieu de {full}",
    "This study trained {networks} on {training} images of 62 characters and validated on {validation}.":
        "Cette étude a entraîné {networks} sur {training} images de 62 caractères, avec {validation} pour la "
        "validation.",
    "No classifier can read more than {ceiling} of these, because the rest show pictures that also occur under "
    "another label.":
        "Aucun classifieur ne peut en lire plus de {ceiling}, car le reste montre des dessins qui existent aussi sous "
        "une autre étiquette.",
    "With both cases of a letter counted as one, {model} reads {folded}.":
        "Si l’on confond majuscule et minuscule, le {model} lit {folded}.",
    "Its interval overlaps with that of {names}, so the intervals alone do not tell their order.":
        "Son intervalle recoupe celui d’autres réseaux, {names} : les intervalles seuls ne disent pas leur ordre.",
    "validation accuracy, %": "exactitude de validation, %",
    "validation accuracy": "exactitude de validation",
    "reference,<br>difference": "référence,<br>écart",
    "reference,<br>other data": "référence,<br>autres données",
    "reference": "référence",
    "reference, other data": "référence, autres données",
    "reference: {share}": "référence : {share}",
    "this study, band: 95&nbsp;% interval": "cette étude, bande : intervalle à 95 %",
    "images prepared": "images préparées",
    "{model}, images prepared, as {kind}": "{model}, images préparées, lues comme {kind}",
    "the reference run": "l’exécution de référence",
    "New images of {texts}, and their readings; errors are red and underlined.":
        "De nouvelles images de {texts} et leurs lectures ; les erreurs sont en rouge et soulignées.",
    "{what} failed and is missing from this report: {why}": "{what} a échoué et manque dans ce rapport : {why}",
    "The search": "La recherche",
    "Total time": "Temps total",
    "all steps": "toutes les étapes",
    "all steps; search {time}": "toutes les étapes ; recherche {time}",
    "Hardware": "Matériel",
    "no GPU": "aucun GPU",
    "Search": "Recherche",
    "Study": "Étude",
    "seed": "graine",
    "code": "code",
    "Contents": "Sommaire",
    "Data": "Données",
    "Augmentation": "Augmentation",
    "Training": "Entraînement",
    "Networks": "Réseaux",
    "Confusions": "Confusions",
    "Classes": "Classes",
    "Parts": "Parties",
    "Reliability": "Fiabilité",
    "Mistakes": "Erreurs",
    "New texts": "Nouveaux textes",
    "New data": "Nouvelles données",
    "Provenance": "Provenance",
    "Draw": "Dessiner",
    "<strong>This study is not finished.</strong> This page shows what there is of it.":
        "<strong>Cette étude n’est pas terminée.</strong> Cette page montre ce qui en existe.",
    # data
    "The {images} images come from {fonts}. Fonts that share an image of a class form a group: {groups} in all. "
    "{distinct} The images were split {split}: {training} for training and {validation} for validation.":
        "Les {images} images proviennent de {fonts}. Les polices qui partagent une image d’une classe forment un "
        "groupe : {groups} en tout. {distinct} Les images ont été réparties {split} : {training} pour l’entraînement "
        "et {validation} pour la validation.",
    "No two of them are the same picture.": "Il n’y a pas deux fois le même dessin.",
    "They show only {pictures}.": "Elles ne montrent que {pictures}.",
    "at random": "au hasard",
    "by whole groups of fonts": "par groupes entiers de polices",
    "No validation image has a twin, an identical image of the same class in the training part, so a network can "
    "read none from memory.":
        "Aucune image de validation n’a de jumeau, une image identique de la même classe dans la partie "
        "d’entraînement : un réseau ne peut en lire aucune de mémoire.",
    "A network can read {images} ({share}) from memory, since the training part has an identical image of the same "
    "class, a twin.":
        "Un réseau peut lire {images} ({share}) de mémoire, car la partie d’entraînement contient une image identique "
        "de la même classe, un jumeau.",
    "The report also gives the accuracy on those without one.":
        "Le rapport donne aussi l’exactitude sur celles qui n’en ont pas.",
    "No picture has two labels, so there is no error that a classifier could not avoid.":
        "Aucun dessin ne porte deux étiquettes : il n’y a pas d’erreur qu’un classifieur ne puisse éviter.",
    "No classifier can avoid misreading {images} ({share}), because the same picture has two labels.":
        "Aucun classifieur ne peut éviter de mal lire {images} ({share}), car le même dessin porte deux étiquettes.",
    "The validation part has none of them.": "Aucune n’est dans la partie de validation.",
    "The validation part has {n} of them, which limits the accuracy there to {ceiling}.":
        "La partie de validation en a {n}, ce qui y limite l’exactitude à {ceiling}.",
    "Glyphs": "Glyphes",
    "Source": "Source",
    "Version": "Version",
    "Licence": "Licence",
    "none is stated": "aucune n’est indiquée",
    "Images": "Images",
    "SHA-256 of the packed set": "SHA-256 du jeu empaqueté",
    "The SHA-256 is of a set’s images with their labels, fonts and names, not of the file that was downloaded: equal "
    "digests mean equal images.":
        "Le SHA-256 porte sur les images d’un jeu avec leurs étiquettes, polices et noms, et non sur le fichier "
        "téléchargé : à empreintes égales, images égales.",
    "One training image per class": "Une image d’entraînement par classe",
    "Each row shows a training image and augmented versions of it; every epoch draws new ones.":
        "Chaque ligne montre une image d’entraînement et des versions augmentées ; chaque époque en tire de nouvelles.",
    "training image": "image d’entraînement",
    "augmented version": "version augmentée",
    # training
    "The scales are the same for all networks. The dot marks the best epoch, the tinted band the overfitting epochs, "
    "the diamond the reference’s best epoch if known.":
        "Les échelles sont les mêmes pour tous les réseaux. Le point marque la meilleure époque, la bande teintée les "
        "époques de surapprentissage, le losange la meilleure époque de la référence si elle est connue.",
    "The scales are the same for all networks. The dot marks the best epoch, the tinted band the overfitting epochs.":
        "Les échelles sont les mêmes pour tous les réseaux. Le point marque la meilleure époque, la bande teintée les "
        "époques de surapprentissage.",
    "{model} is not trained to its end: so far its validation loss was lowest, {loss}, in epoch\u00a0{epoch}, and its "
    "validation accuracy highest, {accuracy}, in epoch\u00a0{best}.":
        "{model} n’est pas entraîné jusqu’au bout : jusqu’ici sa perte de validation a été la plus basse, {loss}, à "
        "l’époque\u00a0{epoch}, et son exactitude de validation la plus haute, {accuracy}, à l’époque\u00a0{best}.",
    "Its best validation accuracy, {accuracy}, came in epoch\u00a0{epoch} of {epochs}; the study kept that epoch’s "
    "weights.":
        "Sa meilleure exactitude de validation, {accuracy}, a été atteinte à l’époque\u00a0{epoch} sur {epochs} ; "
        "l’étude a conservé les poids de cette époque.",
    "the last": "la dernière",
    "and did not rise permanently afterwards": "et n’a pas remonté durablement ensuite",
    "A loss beyond the scale lies on its upper edge.": "Une perte hors de l’échelle est sur son bord supérieur.",
    "{model} was trained for one epoch, which does not tell whether it overfits: its validation accuracy was "
    "{accuracy}, its validation loss {loss}.":
        "{model} a été entraîné pendant une époque, ce qui ne dit pas s’il surapprend : son exactitude de validation "
        "était de {accuracy}, sa perte de validation de {loss}.",
    "No overfitting was found in {model}: its validation loss was lowest, {loss}, in epoch\u00a0{epoch}, {then}.":
        "Aucun surapprentissage constaté pour le {model} : sa perte de validation a été la plus basse, {loss}, à "
        "l’époque\u00a0{epoch}, {then}.",
    "{model} overfits from epoch\u00a0{start}: its validation loss was lowest, {low}, in epoch\u00a0{epoch} and rose "
    "to {high} by epoch\u00a0{last}, while the training loss went from {before} to {after}.":
        "{model} surapprend à partir de l’époque\u00a0{start} : sa perte de validation a été la plus basse, {low}, à "
        "l’époque\u00a0{epoch}, puis est remontée à {high} à l’époque\u00a0{last}, pendant que la perte d’entraînement "
        "passait de {before} à {after}.",
    "loss": "perte",
    "training": "entraînement",
    "validation": "validation",
    "overfits from epoch\u00a0{n}": "surapprend dès l’époque\u00a0{n}",
    "{value}, epoch\u00a0{n}": "{value} à l’époque\u00a0{n}",
    "Its {n} layers, {parameters} parameters": "Ses {n} couches, {parameters} paramètres",
    "Layer": "Couche",
    "Gives on": "Sortie",
    "Parameters": "Paramètres",
    "{model}: training and validation accuracy by epoch; best validation {value} after epoch {n} of {all}":
        "{model} : exactitude d’entraînement et de validation par époque ; meilleure validation {value} après l’époque "
        "{n} sur {all}",
    "{model}: training and validation loss by epoch; lowest validation {value} after epoch {n} of {all}":
        "{model} : perte d’entraînement et de validation par époque ; validation la plus basse {value} après l’époque "
        "{n} sur {all}",
    "; it overfits from epoch\u00a0{n}": " ; surapprentissage à partir de l’époque\u00a0{n}",
    # networks
    "{networks} compared": "{networks} comparés",
    "Against the reference: {gaps}; {where}.": "Par rapport à la référence : {gaps} ; {where}.",
    "no interval contains the reference’s figure": "aucun intervalle ne contient le chiffre de la référence",
    "its interval contains the reference’s figure": "son intervalle contient le chiffre de la référence",
    "its interval does not contain the reference’s figure":
        "son intervalle ne contient pas le chiffre de la référence",
    "every interval contains the reference’s figure": "chaque intervalle contient le chiffre de la référence",
    "the reference’s figure is within the interval of {names} only":
        "seuls les intervalles suivants contiennent le chiffre de la référence : {names}",
    "The 95&nbsp;% intervals cover the sampling of validation images, but not the variation between training seeds.":
        "Les intervalles à 95 % couvrent l’échantillonnage des images de validation, mais pas la variation entre "
        "graines d’entraînement.",
    "The reference’s values (ref.) were measured on Chars74K and are not comparable.":
        "Les valeurs de la référence (réf.) ont été mesurées sur Chars74K et ne sont pas comparables.",
    "ref. {value}": "réf. {value}",
    "Validation accuracy": "Exactitude de validation",
    "Validation loss": "Perte de validation",
    "Accuracy, cases folded": "Exactitude, casse ignorée",
    "Accuracy without twins": "Exactitude sans jumeaux",
    "Top-2 accuracy": "Exactitude top-2",
    "Calibration error": "Erreur de calibration",
    "Best epoch": "Meilleure époque",
    "Overfits from epoch": "Surapprend à partir de l’époque",
    "none": "aucune",
    "Time per epoch, median": "Temps par époque, médiane",
    "Training images/s, median": "Images d’entraînement/s, médiane",
    "Arithmetic": "Précision de calcul",
    "Device": "Processeur de calcul",
    "Cases folded: both cases of a letter count as one.":
        "Casse ignorée : la majuscule et la minuscule d’une lettre comptent pour une.",
    "Without twins: only validation images without an identical training image of their class.":
        "Sans jumeaux : seulement les images de validation sans image d’entraînement identique de leur classe.",
    "Without twins: only validation images without an identical training image of their class; not measured in this "
    "study.":
        "Sans jumeaux : seulement les images de validation sans image d’entraînement identique de leur classe ; non "
        "mesuré dans cette étude.",
    "Top-2: the truth is one of the two likeliest classes. Calibration error: how far the probability of an answer is "
    "from the share that is right, in the mean over 15 bins.":
        "Top-2 : la vérité est l’une des deux classes les plus probables. Erreur de calibration : l’écart moyen entre "
        "la probabilité d’une réponse et la part de bonnes réponses, sur 15 intervalles de probabilité.",
    "“ref.”: the reference run, on another machine (a P100 of Kaggle’s), and below it this study’s difference from it.":
        "« réf. » : l’exécution de référence, sur une autre machine (un P100 de Kaggle) et, dessous, l’écart de cette "
        "étude à celle-ci.",
    "epoch\u00a0{n}": "époque\u00a0{n}",
    "Against the network before": "Écart au réseau précédent",
    "against {model}": "face au {model}",
    "Against the network before: the difference of two accuracies on the same validation images, with the 95&nbsp;% "
    "interval from drawing whole groups of fonts; bold where that does not contain 0.":
        "Écart au réseau précédent : la différence de deux exactitudes sur les mêmes images de validation, avec "
        "l’intervalle à 95 % obtenu en tirant des groupes entiers de polices ; en gras s’il ne contient pas 0.",
    "Validation loss: with the weights that were kept.": "Perte de validation : avec les poids conservés.",
    "“ref.”: the reference run.": "« réf. » : l’exécution de référence.",
    # search
    "There is no trial of the search to show; what is missing stands at the top.":
        "Il n’y a aucun essai de la recherche à montrer ; ce qui manque est dit en haut.",
    "The search failed, so there is no model 4.": "La recherche a échoué : il n’y a donc pas de modèle 4.",
    "Hyperband with at most {most} and factor {factor}: {trials} of {configurations}, {epochs} in total on {images} "
    "training images, in {time}.":
        "Hyperband avec au plus {most} et un facteur de {factor} : {trials} de {configurations}, {epochs} au total "
        "sur {images} images d’entraînement, en {time}.",
    "The reference ran {trials} in {time}.": "La référence a fait {trials} en {time}.",
    "The reference ran {trials} in {time}, on other data.":
        "La référence a fait {trials} en {time}, sur d’autres données.",
    "{trials} failed.": "Échecs : {trials}.",
    "{trials} had no result because the workers were lost, whatever the network.":
        "Sans résultat parce que les workers ont été perdus, quel que soit le réseau : {trials}.",
    "The best {n} have the same accuracy.": "Les {n} meilleurs ont la même exactitude.",
    "The best {n} are within {apart} of each other.": "L’écart entre les {n} meilleurs est de {apart}.",
    "Hyperband begins with many configurations and few epochs. At the end of each rung the best go on to the "
    "next, about 1 in {factor}, with more epochs; such a ladder is a bracket, and later brackets begin with fewer "
    "configurations and more epochs.":
        "Hyperband commence avec beaucoup de configurations et peu d’époques. À la fin de chaque palier, les "
        "meilleures, environ 1 sur {factor}, passent au suivant, avec plus d’époques ; une telle échelle est un "
        "bracket, et les brackets suivants commencent avec moins de configurations et plus d’époques.",
    "Searched are {names}.": "La recherche porte sur {names}.",
    "All trials at once": "Tous les essais à la fois",
    "Each line is a trial. It crosses every axis at its value, and ends at its validation accuracy on the right: the "
    "better half is red, the chosen trial is the thickest. Where many lines share a value, the better ones cross it "
    "higher.":
        "Chaque ligne est un essai. Elle coupe chaque axe à sa valeur et finit, à droite, à son exactitude de "
        "validation : la meilleure moitié est rouge, l’essai choisi est le plus épais. Là où plusieurs lignes "
        "partagent une valeur, les meilleures la coupent plus haut.",
    "Point at a line, or move along the lines with the arrow keys: the same configuration stands out in the curves "
    "and the table below. Drag along an axis, or its two handles, to keep only the trials within.":
        "Pointez une ligne, ou parcourez les lignes avec les flèches : la même configuration ressort dans les courbes "
        "et le tableau ci-dessous. Tirez le pointeur le long d’un axe, ou déplacez ses deux poignées, pour ne garder "
        "que les essais compris entre elles.",
    "Parallel coordinates of {trials}: one axis for each hyperparameter, one for the epochs, one for the accuracy. "
    "The table below has the same values.":
        "Coordonnées parallèles de {trials} : un axe par hyperparamètre, un pour les époques, un pour l’exactitude. "
        "Le tableau ci-dessous donne les mêmes valeurs.",
    "Show all trials": "Montrer tous les essais",
    "All trials are shown.": "Tous les essais sont affichés.",
    "trial {trial}, configuration {configuration}: {network}; {accuracy} after {epochs}":
        "essai {trial}, configuration {configuration} : {network} ; {accuracy} après {epochs}",
    "{trial}; promoted": "{trial} ; promu",
    "accuracy": "exactitude",
    "Learning curves, and who was promoted": "Courbes d’apprentissage et promotions",
    "Each dot is a configuration after its only epoch.":
        "Chaque point est une configuration après sa seule époque.",
    "Each line is a configuration, epoch by epoch.": "Chaque ligne est une configuration, époque par époque.",
    "Each line is a configuration; this study’s result has its accuracy at the ends of trials only.":
        "Chaque ligne est une configuration ; le résultat de cette étude n’a son exactitude qu’en fin d’essai.",
    "At the end of a rung the best go on: a full dot is a trial that was promoted, an open one a trial that was the "
    "last of its configuration. The ring marks the chosen one. The scale is stretched towards the top, where the "
    "differences are small.":
        "À la fin d’un palier, les meilleures continuent : un point plein est un essai promu, un point vide le "
        "dernier essai de sa configuration. L’anneau marque l’essai choisi. L’échelle est étirée vers le haut, où les "
        "écarts sont petits.",
    "Validation accuracy by epoch of {configurations}; {promotions}. The table below has the accuracies.":
        "Exactitude de validation par époque de {configurations} ; {promotions}. Le tableau ci-dessous donne les "
        "exactitudes.",
    "epochs trained": "époques d’entraînement",
    "bracket {n}": "bracket {n}",
    "Who worked when": "Qui a travaillé quand",
    "One worker had the only trial, for {time}.": "Un worker a eu le seul essai, pendant {time}.",
    "One worker had trials for {time} in all and was idle for {idle} of the time between its first and last one.":
        "Un worker a eu des essais pendant {time} en tout et est resté inactif {idle} du temps entre son premier et "
        "son dernier.",
    "{workers} workers had trials for {time} in all and were idle for {idle} of the time between a worker’s first and "
    "last one.":
        "{workers} workers ont eu des essais pendant {time} en tout et sont restés inactifs {idle} du temps entre le "
        "premier et le dernier essai de chacun.",
    "None was lost with a trial.": "Aucun n’a été perdu avec un essai.",
    "Once a worker was lost with its trial, and with it {work} of work since a finished epoch; the trial waited "
    "{waited} for another worker.":
        "Une fois, un worker a été perdu avec son essai et, avec lui, {work} de travail depuis une époque terminée ; "
        "l’essai a attendu {waited} un autre worker.",
    "{times} times a worker was lost with its trial, and with it {work} of work since a finished epoch; the trials "
    "waited {waited} for another worker.":
        "{times} fois, un worker a été perdu avec son essai et, avec lui, en tout {work} de travail depuis une époque "
        "terminée ; les essais ont attendu {waited} un autre worker.",
    "A row is a worker, a bar a trial that it had: the higher the bar, the higher the rung. Empty is idle, or gone: "
    "what a worker did before its first trial and after its last is not recorded. A lost worker’s bar ends at its "
    "last sign of life, and a dotted line leads to where another one took the trial up.":
        "Une ligne est un worker, une barre un essai qu’il a eu : plus la barre est haute, plus le palier l’est. Un "
        "vide est un temps d’inactivité ou d’absence : ce qu’un worker a fait avant son premier essai et après son "
        "dernier n’est pas enregistré. La barre d’un worker perdu s’arrête à son dernier signe de vie, et un "
        "pointillé mène là où un autre a repris l’essai.",
    "Where nobody worked for long, the scale is cut.":
        "Là où personne n’a travaillé pendant longtemps, l’échelle est coupée.",
    "nobody had a trial for {time}": "personne n’a eu d’essai pendant {time}",
    "worker {number} ({name}), trial {trial}, configuration {configuration}, bracket {bracket}, rung {rung}: {how}; "
    "from {begin}, {lasted}":
        "worker {number} ({name}), essai {trial}, configuration {configuration}, bracket {bracket}, palier {rung} : "
        "{how} ; à partir de {begin}, {lasted}",
    "it is not known when": "fin inconnue",
    "; taken up again {waited} after its last sign of life": " ; repris {waited} après son dernier signe de vie",
    "completed": "terminé",
    "completed, and promoted": "terminé et promu",
    "completed, and the last of its configuration": "terminé, et le dernier de sa configuration",
    "promoted": "promu",
    "given back": "rendu",
    "given back for another worker": "rendu pour un autre worker",
    "its worker was lost": "son worker a été perdu",
    "not ended yet": "pas encore terminé",
    "Timeline of {workers}, with {bars}, one for each time that a worker had a trial: {idle} idle, {lost} lost, "
    "{work} of work lost. The table below has each worker.":
        "Chronologie de {workers}, avec {bars}, une pour chaque fois qu’un worker a eu un essai : {idle} "
        "d’inactivité, pertes : {lost}, {work} de travail perdu. Le tableau ci-dessous donne chaque worker.",
    "worker": "worker",
    "workers": "workers",
    "Every worker": "Tous les workers",
    "No timeline of workers: this search did not keep their times.":
        "Pas de chronologie des workers : cette recherche n’a pas gardé leurs temps.",
    "Worker": "Worker",
    "From": "Début",
    "At work": "Au travail",
    "Idle": "Inactif",
    "yes": "oui",
    "What mattered": "Ce qui a compté",
    "Configurations with a high {name} ({high}) differ most from those with a low one ({low}): in the mean their "
    "accuracy is {apart} higher.":
        "Les configurations où {name} est élevé ({high}) diffèrent le plus de celles où il est bas ({low}) : en "
        "moyenne, leur exactitude est supérieure de {apart}.",
    "Configurations with a high {name} ({high}) differ most from those with a low one ({low}): in the mean their "
    "accuracy is {apart} lower.":
        "Les configurations où {name} est élevé ({high}) diffèrent le plus de celles où il est bas ({low}) : en "
        "moyenne, leur exactitude est inférieure de {apart}.",
    "No interval leaves zero out, so this search does not tell which hyperparameter matters.":
        "Aucun intervalle n’exclut zéro : cette recherche ne dit pas quel hyperparamètre compte.",
    "The interval of {names} leaves zero out.": "L’intervalle de {names} exclut zéro.",
    "The intervals of {names} leave zero out.": "Les intervalles de {names} excluent zéro.",
    "This search does not tell which hyperparameter matters: too few accuracies or values to compare.":
        "Cette recherche ne dit pas quel hyperparamètre compte : trop peu d’exactitudes ou de valeurs à comparer.",
    "High and low values of every hyperparameter came to the same accuracy in the mean.":
        "Pour chaque hyperparamètre, les valeurs hautes et basses ont mené en moyenne à la même exactitude.",
    "In the middle of its values ({inner}) {name} is {apart} better than at the ends ({outer}).":
        "Au milieu de ses valeurs ({inner}), {name} est meilleur de {apart} qu’aux bouts ({outer}).",
    "In the middle of its values ({inner}) {name} is {apart} worse than at the ends ({outer}).":
        "Au milieu de ses valeurs ({inner}), {name} est moins bon de {apart} qu’aux bouts ({outer}).",
    "Of the others the search does not tell whether they matter.":
        "Des autres, la recherche ne dit pas s’ils comptent.",
    "accuracy of high values less that of low ones, points":
        "exactitude des valeurs hautes moins celle des basses, en points",
    "low and high values": "valeurs basses et hautes",
    "too few for an interval": "trop peu pour un intervalle",
    "no difference": "aucun écart",
    "Computed from <a href='tables/trials.csv'>tables/trials.csv</a> alone. Only the first trial of each "
    "configuration counts, since the later ones were chosen by it. {compared} Its accuracy is compared with the mean "
    "of its bracket, whose first trials were all trained for as many epochs; one far below the others (more than "
    "three times the distance of the quartiles) counts as just so far, and one that failed does not count. The band "
    "is the 95&nbsp;% interval of drawing configurations with replacement. The middle of three or more values is "
    "compared with the ends apart from that, by a 99&nbsp;% interval. With so few, what is good only together with "
    "another choice stays unseen.":
        "Calculé à partir de <a href='tables/trials.csv'>tables/trials.csv</a> seulement. Seul le premier essai de "
        "chaque configuration compte, puisque les suivants ont été choisis d’après lui. {compared} Son exactitude est "
        "comparée à la moyenne de son bracket, dont les premiers essais ont tous été entraînés pendant autant "
        "d’époques ; celle qui est loin sous les autres (plus de trois fois l’écart interquartile) est ramenée à "
        "cette distance, et un essai en échec ne compte pas. La bande est l’intervalle à 95 % d’un tirage des "
        "configurations avec remise. À partir de trois valeurs, celles du milieu sont comparées à part à celles des "
        "bouts, par un intervalle à 99 %. Avec si peu d’essais, ce qui n’est bon qu’avec un autre choix reste "
        "invisible.",
    "Here {parts} are compared.": "Configurations comparées ici : {parts}.",
    "What learns fast is ahead after few epochs, and need not be in the end.":
        "Ce qui apprend vite est en tête après peu d’époques, et ne l’est pas forcément à la fin.",
    "The mean difference at each value": "L’écart moyen à chaque valeur",
    "This search and the reference’s": "Cette recherche et celle de la référence",
    "Brackets and rungs": "Brackets et paliers",
    "All trials, best first": "Tous les essais, du meilleur au moins bon",
    "Name": "Nom",
    "Value": "Valeur",
    "Mean difference": "Écart moyen",
    "Configurations": "Configurations",
    "Searched": "Valeurs explorées",
    "{n} values, {low} to {high}": "{n} valeurs, de {low} à {high}",
    "This study": "Cette étude",
    "Difference": "Écart",
    "Reference": "Référence",
    "Bracket": "Bracket",
    "Rung": "Palier",
    "Epochs": "Époques",
    "Trials": "Essais",
    "Failed": "Échecs",
    "Lost": "Perdus",
    "Best accuracy": "Meilleure exactitude",
    "Time": "Temps",
    "Rank": "Rang",
    "Accuracy": "Exactitude",
    "Config.": "Config.",
    "failed": "échec",
    "lost": "perdu",
    "Trials, the best first": "Essais, du meilleur au moins bon",
    "{name} from {low} to {high}": "{name} de {low} à {high}",
    "{name}, upper end": "{name}, borne haute",
    "{name}, lower end": "{name}, borne basse",
    "{n} of {all} trials: {ranges}": "{n} des {all} essais : {ranges}",
    "{n} of 1 trial: {ranges}": "{n} essai sur 1 : {ranges}",
    # errors
    "{model} made no mistakes.": "{model} n’a fait aucune erreur.",
    "{model} made {mistakes} on {images}; in {cases} of these ({share}) it confused the two cases of a letter.":
        "{model} a fait {mistakes} sur {images} ; pour {cases} d’entre elles ({share}), il a confondu la majuscule et "
        "la minuscule d’une lettre.",
    "The most frequent mistake is {truth} read as {read}: {times}, or {share} of its images.":
        "L’erreur la plus fréquente est {truth} lu comme {read} : {times}, soit {share} de ses images.",
    "A square is a mistake of {model} on the validation images: its row is the truth, its column the reading, its "
    "tint the number of images. Correct answers, on the diagonal, are grey.":
        "Un carré est une erreur du {model} sur les images de validation : sa ligne est la vérité, sa colonne la "
        "lecture, sa teinte le nombre d’images. Les bonnes réponses, sur la diagonale, sont grises.",
    "Choose a square, with a click or with the arrow keys, to see its images.":
        "Choisissez un carré, d’un clic ou avec les flèches, pour voir ses images.",
    "How the matrix is drawn": "Comment la matrice est dessinée",
    "Order": "Ordre",
    "by alphabet": "par ordre alphabétique",
    "look-alikes together": "semblables côte à côte",
    "Confusion matrix": "Matrice de confusion",
    "Confusion matrix of {n} classes, {mistakes}. The tables below have the most frequent ones.":
        "Matrice de confusion de {n} classes, {mistakes}. Les tableaux ci-dessous donnent les plus fréquentes.",
    "Confusion matrix of {n} classes, {mistakes}, classes that are confused with one another side by side. The tables "
    "below have the most frequent ones.":
        "Matrice de confusion de {n} classes, {mistakes}, les classes confondues entre elles côte à côte. Les "
        "tableaux ci-dessous donnent les plus fréquentes.",
    "{truth} read as {read}": "{truth} lu comme {read}",
    "{truth} read as {read}, {sure}": "{truth} lu comme {read}, {sure}",
    "{truth} read as {read}: {images}": "{truth} lu comme {read} : {images}",
    "images misread; rows are the truth, columns the reading":
        "images mal lues ; en ligne la vérité, en colonne la lecture",
    "The page lacks its only misread image: it keeps the most confident of all.":
        "Il manque à la page sa seule image mal lue : elle garde les plus sûres de toutes.",
    "Of its {n} misread images the page has {kept}: it keeps the most confident of all.":
        "De ses {n} images mal lues, la page en a {kept} : elle garde les plus sûres de toutes.",
    "The {n} most confident are shown.": "Les {n} plus sûres sont montrées.",
    "Below it is the answer with its probability.": "Dessous, la réponse avec sa probabilité.",
    "The most confident are first; below each is the answer with its probability.":
        "Les plus sûres viennent d’abord ; sous chacune, la réponse avec sa probabilité.",
    "{n} of its {all} images, {share}.": "{n} de ses {all} images, {share}.",
    "Its only image.": "Sa seule image.",
    "{n} mistakes": "{n} erreurs",
    "1 mistake": "1 erreur",
    "no mistakes": "aucune erreur",
    "{c}: its misread images": "{c} : ses images mal lues",
    "{c}, misread": "{c}, mal lu",
    "No validation image shows it.": "Aucune image de validation n’en montre.",
    "Its only image was read correctly.": "Sa seule image a été lue correctement.",
    "Its only image was misread.": "Sa seule image a été mal lue.",
    "{share} of its {n} images were read correctly.": "{share} de ses {n} images ont été lues correctement.",
    "Pairs and classes": "Paires et classes",
    "Recall: the share of a class’s images that {model} reads correctly. Precision: the share of its answers for a "
    "class that are correct. “Read as” is the most frequent wrong answer.":
        "Rappel : la part des images d’une classe que le {model} lit correctement. Précision : la part de ses "
        "réponses pour une classe qui sont justes. « Lu comme » est la mauvaise réponse la plus fréquente.",
    "Click a column’s heading to sort; choose a class to see its images that were misread.":
        "Cliquez sur l’en-tête d’une colonne pour trier ; choisissez une classe pour voir ses images mal lues.",
    "Every class": "Toutes les classes",
    "Most confused": "Les plus confondues",
    "Class": "Classe",
    "Recall": "Rappel",
    "Precision": "Précision",
    "Read as": "Lu comme",
    "Share": "Part",
    "Truth": "Vérité",
    "Share of class": "Part de la classe",
    "Where it errs": "Où il se trompe",
    "The share that each network reads correctly, in parts of the validation images.":
        "La part que chaque réseau lit correctement, par parties des images de validation.",
    "By {by}, {model} reads all parts alike ({most}).": "Par {by}, le {model} lit toutes les parties pareil ({most}).",
    "By {by}, {model} reads {best} best ({most}) and {worst} worst ({least}).":
        "Par {by}, le {model} lit le mieux : {best} ({most}), le moins bien : {worst} ({least}).",
    "By {by}, {model} reads {best} best ({most}) and {worst} worst ({least}), though their intervals overlap.":
        "Par {by}, le {model} lit le mieux : {best} ({most}), le moins bien : {worst} ({least}), mais leurs "
        "intervalles se recoupent.",
    "by {part}": "par {part}",
    "{share} cases folded": "{share} casse ignorée",
    "In small print the 95&nbsp;% interval, from drawing whole groups of fonts, and the accuracy with both cases of a "
    "letter as one. Weight and slant are what the source says of each image.":
        "En petits caractères, l’intervalle à 95 %, par rééchantillonnage de groupes entiers de polices, et "
        "l’exactitude casse ignorée. Graisse et inclinaison sont ce que la source dit de chaque image.",
    "The kind of a font is its family’s category at Google Fonts; of some kinds there are few families.":
        "Le type d’une police est la catégorie de sa famille chez Google Fonts ; de certains types il y a peu de "
        "familles.",
    "There are no parts by kind of font, such as serif or monospace, since nothing that is stored of these images "
    "says it.":
        "Il n’y a pas de parties par type de police, comme à empattements ou à chasse fixe, car rien de ce qui est "
        "enregistré de ces images ne le dit.",
    "Chars74K numbers its fonts and does not name them.": "Chars74K numérote ses polices et ne les nomme pas.",
    "Does it know when it errs?": "Sait-il quand il se trompe ?",
    "{model} gives its answers a probability of {said} in the mean and is right in {right}, {how}.":
        "{model} donne à ses réponses une probabilité de {said} en moyenne et a raison dans {right} des cas : {how}.",
    "so it is about as sure as it should be": "il est à peu près aussi sûr qu’il doit l’être",
    "so it is too sure": "il est trop sûr de lui",
    "so it is less sure than it could be": "il est moins sûr qu’il pourrait l’être",
    "In each drawing the images are sorted by the probability of the answer, from left to right; a dot is as high as "
    "the share of them that were read correctly. On the line a network is right as often as it says; below it, it is "
    "too sure. The larger a dot, the more images; a small one far from the line may be a single image.":
        "Dans chaque dessin, les images sont rangées par probabilité de la réponse, de gauche à droite ; la hauteur "
        "d’un point est la part de celles qui ont été lues correctement. Sur la droite, un réseau a raison aussi "
        "souvent qu’il le dit ; dessous, il est trop sûr. Plus un point est gros, plus il y a d’images ; un petit "
        "point loin de la droite peut n’être qu’une image.",
    "error {error}, with its temperature of {temperature}: {tempered}":
        "erreur {error}, avec sa température de {temperature} : {tempered}",
    "as the network says": "tel que le réseau le dit",
    "with a temperature": "avec une température",
    "across: probability of the answer, %; up: share that is right, %":
        "en abscisse : probabilité de la réponse, % ; en ordonnée : part de réponses justes, %",
    "The error is the expected calibration error: how far the dots are from the line, in the mean over images, in 15 "
    "bins. A temperature flattens all probabilities (above 1) or sharpens them (below 1), and changes no answer. Each "
    "half of the font groups is shown under the temperature that the other half asks for.":
        "L’erreur est l’erreur de calibration attendue (ECE) : la distance moyenne des points à la droite, par image, "
        "sur 15 intervalles de probabilité. Une température aplatit toutes les probabilités (au-dessus de 1) ou les "
        "accentue (au-dessous de 1), et ne change aucune réponse. Chaque moitié des groupes de polices est montrée à "
        "la température que demande l’autre moitié.",
    "{images}: probability {said} in the mean, {right} right":
        "{images} : probabilité de {said} en moyenne, {right} de réponses justes",
    "Reliability of {model}: all answers have a probability near {high}, {most} are right":
        "Fiabilité du {model} : toutes les réponses ont une probabilité proche de {high}, {most} sont justes",
    "Reliability of {model}: of answers with a probability near {low}, {few} are right; near {high}, {most}":
        "Fiabilité du {model} : des réponses de probabilité proche de {low}, {few} sont justes ; proche de {high}, "
        "{most}",
    "Most confident mistakes": "Les erreurs faites avec le plus de certitude",
    "The validation images that {model} misread with the highest probability, with that probability.":
        "Les images de validation que le {model} a mal lues avec la plus grande probabilité, et cette probabilité.",
    "image of {c}": "image de {c}",
    "There are none to show.": "Il n’y en a pas à montrer.",
    # new texts and data
    "Images from other sources, preprocessed in two ways: prepared to look like the training images, and the "
    "reference’s way. Below each answer are its probability and the next likeliest class; errors are red and "
    "underlined. On the right is the whole text, and below it the text as one kind: all digits, all capitals or all "
    "small letters, whichever is likeliest. A single glyph does not tell 0 from O, 1 from l, or the case of a c; the "
    "glyphs beside it do.":
        "Des images d’autres sources, prétraitées de deux façons : préparées pour ressembler aux images "
        "d’entraînement, et à la façon de la référence. Sous chaque réponse, sa probabilité et la classe suivante la "
        "plus probable ; les erreurs sont en rouge et soulignées. À droite, le texte entier et, dessous, le texte lu "
        "comme un seul genre : tout en chiffres, tout en majuscules ou tout en minuscules, au plus probable. Un "
        "glyphe seul ne distingue pas 0 de O, 1 de l, ni la casse d’un c ; les glyphes voisins, si.",
    ", read by the reference run as “{read}”": ", lu par l’exécution de référence comme « {read} »",
    "Original": "Originales",
    "Prepared": "Préparées",
    "The reference’s way": "À la façon de la référence",
    "as {kind}": "comme {kind}",
    "How often": "À quelle fréquence",
    "Each rate is of {n} texts whose images are drawn anew. {model} reads {plain} of the {family} right glyph by "
    "glyph, {one_kind} as one kind, and would read {known} if it were told that they are {kind}.":
        "Chaque taux porte sur {n} textes dont les images sont retirées au sort. {model} lit correctement {plain} de "
        "ces textes ({family}) glyphe par glyphe, {one_kind} comme un seul genre, et en lirait {known} si on lui "
        "disait que ce sont des {kind}.",
    "{share} glyph by glyph": "{share} glyphe par glyphe",
    "{share} kind known": "{share} genre connu",
    "{model} reads {rate} of the {n} prepared letters correctly among all 62 classes.":
        "{model} lit correctement {rate} des {n} lettres préparées, parmi les 62 classes.",
    "{model} reads {rate} of the {n} prepared digits correctly among all 62 classes.":
        "{model} lit correctement {rate} des {n} chiffres préparés, parmi les 62 classes.",
    "The reference’s way, it reads {other}.": "À la façon de la référence, il en lit {other}.",
    "Among the 26 capitals only, it reads {within} of the prepared ones.":
        "Parmi les 26 majuscules seulement, il lit {within} des lettres préparées.",
    "Among the 10 digits only, it reads {within} of the prepared ones.":
        "Parmi les 10 chiffres seulement, il lit {within} des chiffres préparés.",
    "from {source}": "de {source}",
    "accuracy among 62 classes, %": "exactitude parmi 62 classes, %",
    # the drawing board
    "Draw a character": "Dessinez un caractère",
    "No network of this study fits into this page: the smallest, {model}, has {weights} weights, and a page takes "
    "{most}.":
        "Aucun réseau de cette étude ne tient dans cette page : le plus petit, le {model}, a {weights} poids, et une "
        "page en prend {most}.",
    "The weights of {model} cannot be read: {error}": "Les poids du {model} sont illisibles : {error}",
    "{model} reads what you draw, here in this page: of the study’s networks that fit into it, the one that reads the "
    "new digits best.":
        "{model} lit ce que vous dessinez, ici dans cette page : des réseaux de l’étude qui y tiennent, c’est celui "
        "qui lit le mieux les nouveaux chiffres.",
    "Among 62 classes it reads {share} of them.": "Parmi 62 classes, il en lit {share}.",
    "It has learnt from this study’s glyphs alone, so it reads some hands better than others; and a single glyph does "
    "not tell 0 from O, or the case of a c.":
        "Il n’a appris que des glyphes de cette étude : il lit donc certaines écritures mieux que d’autres ; et un "
        "glyphe seul ne distingue pas 0 de O, ni la casse d’un c.",
    "The board needs JavaScript, which this browser does not run.":
        "L’ardoise demande JavaScript, que ce navigateur n’exécute pas.",
    "Draw one character here with a mouse, a finger or a pen":
        "Dessinez ici un caractère, à la souris, au doigt ou au stylet",
    "Clear": "Effacer",
    "The drawing as the network is given it": "Le dessin tel que le réseau le reçoit",
    "What the network is given: trimmed, scaled and centred as the study prepares new images.":
        "Ce que reçoit le réseau : rogné, mis à l’échelle et centré comme l’étude prépare les nouvelles images.",
    "The weights are rounded to 8 bits, with a scale for each channel. Of {n} validation images the network reads "
    "{quantised} right with them, and {stored} with the stored ones; both say the same of {agreeing}. The shares "
    "beside the drawing are at the network’s temperature, {temperature}, as <span class='mono'>charrec predict</span> "
    "shows them.":
        "Les poids sont arrondis à 8 bits, avec une échelle par canal. Sur {n} images de validation, le réseau en lit "
        "correctement {quantised} avec eux, et {stored} avec les poids conservés ; les deux disent la même chose de "
        "{agreeing}. Les parts à côté du dessin sont à la température du réseau, {temperature}, comme les montre "
        "<span class='mono'>charrec predict</span>.",
    "Nothing is drawn.": "Rien n’est dessiné.",
    "Read as {c}.": "Lu comme {c}.",
    # provenance
    "Started": "Début",
    "Code": "Code",
    ", with uncommitted changes": ", avec des modifications non validées",
    "not from a repository": "hors d’un dépôt",
    "Machine": "Machine",
    "Seed": "Graine",
    "Time per step": "Temps par étape",
    "Sum": "Somme",
    "Weights": "Poids",
    "Versions": "Versions",
    "The study": "L’étude",
    "Every setting that determines the result; differences from the full study are red.":
        "Chaque réglage qui détermine le résultat ; les écarts à l’étude complète sont en rouge.",
    "The study is not finished: what its steps have not stored yet is shown as in the full study.":
        "L’étude n’est pas terminée : ce que ses étapes n’ont pas encore enregistré est montré comme dans l’étude "
        "complète.",
    "Field": "Champ",
    "Meaning": "Signification",
    "Run it again": "La refaire",
    "Check out the code above, install the locked requirements and run the flow <span class='mono'>charrec</span> "
    "with this study; equal studies of equal data have equal identities.":
        "Récupérez le code ci-dessus, installez les dépendances verrouillées et lancez le flow <span "
        "class='mono'>charrec</span> avec cette étude ; des études égales sur des données égales ont la même identité.",
    "Files next to this page": "Fichiers à côté de cette page",
    "Set in IBM Plex (SIL Open Font License 1.1), embedded. This page loads nothing from the network.":
        "Composé en IBM Plex (SIL Open Font License 1.1), intégré. Cette page ne charge rien depuis le réseau.",
    # what the settings mean
    "62 classes; or 'fonts'": "62 classes ; ou « fonts »",
    "new A-Z; or 'fonts'": "nouvelles A–Z ; ou « fonts »",
    "new 0-9; or 'sklearn'": "nouveaux 0–9 ; ou « sklearn »",
    "use only so many fonts, evenly chosen": "n’utiliser que tant de polices, choisies régulièrement",
    "the seeded sample of new letters": "l’échantillon de nouvelles lettres, tiré par la graine",
    "px: 32, 64 or 128": "px : 32, 64 ou 128",
    "the images are grey; 3 repeats the channel": "les images sont grises ; 3 répète le canal",
    "the deck's, or whole font groups apart": "celui de la présentation, ou par groupes entiers de polices",
    "images per step": "images par pas",
    "auto: mixed_bfloat16 where a probe shows that it pays":
        "auto : mixed_bfloat16 là où un test préalable montre que c’est rentable",
    "of the best network that the search finds": "du meilleur réseau que trouve la recherche",
    "of this project's own network, at 32 px; 0: without it": "du réseau propre à ce projet, à 32 px ; 0 : sans lui",
    "at most 243, which takes 415 configurations": "au plus 243, ce qui prend 415 configurations",
    "the deck's, or another as a JSON object of lists, in a file or here":
        "celui de la présentation, ou un autre en objet JSON de listes, dans un fichier ou ici",
    "of the first convolution, as 16,32": "de la première convolution, comme 16,32",
    "shares of activations left out in training": "parts des activations mises à zéro à l’entraînement",
    "of the hidden layer": "de la couche cachée",
    "of Adam, as 0.0003,0.001; empty: the deck's 0.001":
        "d’Adam, comme 0.0003,0.001 ; vide : 0.001, celui de la présentation",
    "search on so many training images; none: all": "chercher sur tant d’images d’entraînement ; aucune : toutes",
    "drawn from the new data, as APR,2023": "tirés des nouvelles données, comme APR,2023",
    "prior weight of texts of digits": "poids a priori des textes en chiffres",
    "of capitals": "en majuscules",
    "of small letters": "en minuscules",
    "of the probabilities that choose the kind; none: the network's own; 2 trusts each glyph less":
        "des probabilités qui choisissent le genre ; aucune : celle du réseau ; 2 se fie moins à chaque glyphe",
    # a study that is not finished
    "A character-recognition study that is not finished": "Une étude de reconnaissance de caractères inachevée",
    "No network has trained an epoch yet": "Aucun réseau n’a encore terminé une époque",
    "{model} is at {share} of the validation characters": "{model} en est à {share} des caractères de validation",
    "{epochs} so far; the best validation accuracy, {accuracy}, came in epoch&nbsp;{best}.":
        "{epochs} jusqu’ici ; la meilleure exactitude de validation, {accuracy}, a été atteinte à "
        "l’époque&nbsp;{best}.",
    "{trials} ended so far.": "À ce stade, la recherche a terminé {trials}.",
    "The glyphs are not packed.": "Les glyphes ne sont pas empaquetés.",
    "The new letters are not packed.": "Les nouvelles lettres ne sont pas empaquetées.",
    "The new digits are not packed.": "Les nouveaux chiffres ne sont pas empaquetés.",
    "{model} is trained and not yet tested on other images.":
        "{model} est entraîné, mais n’a pas encore été testé sur d’autres images.",
    "{model} is not trained to its end: {epochs} so far.":
        "{model} n’est pas entraîné jusqu’au bout : {epochs} jusqu’ici.",
    "{model} waits for the search.": "{model} attend la recherche.",
    "Nothing of {model} is stored yet.": "Rien n’est encore enregistré du {model}.",
    "Nothing of {model} is stored; a study may go without it.":
        "Rien n’est enregistré du {model} ; une étude peut s’en passer.",
    "The search has not begun.": "La recherche n’a pas commencé.",
    "The search is not finished: {n} of its {all} trials have ended.":
        "La recherche n’est pas terminée : {n} de ses {all} essais le sont.",
    "The readings of {models} are shown once the search can be read.":
        "Les lectures de {models} seront montrées dès que la recherche pourra être lue.",
    "The search cannot be read: {why}.": "La recherche est illisible : {why}.",
    "There are {n} searches; the one that was begun last is shown.":
        "Il y a {n} recherches ; celle qui a commencé en dernier est montrée.",
    "There are {n} trainings of {model}; the one that wrote last is shown.":
        "Il y a {n} entraînements du {model} ; celui qui a écrit en dernier est montré.",
    "The augmentation is not drawn.": "L’augmentation n’est pas encore dessinée.",
    "This version of charrec has stored no evaluation of {models}; it was made for this page.":
        "Cette version de charrec n’a pas enregistré d’évaluation ({models}) ; elle a été faite pour cette page.",
    "live": "en direct",
    "show what is new": "montrer ce qui est nouveau",
    "no longer live: charrec report --watch has ended": "plus en direct : charrec report --watch a pris fin",
    # two studies compared
    "Two studies compared": "Deux études comparées",
    "Study {study}": "Étude {study}",
    "study A": "étude A",
    "study B": "étude B",
    "begun {moment}": "commencée le {moment}",
    "{source}, {images}; seed {seed}": "{source}, {images} ; graine {seed}",
    "Study A reads {a}, study B {b}": "L’étude A lit {a}, l’étude B {b}",
    "Study {study} reads {points} more": "L’étude {study} lit {points} de plus",
    "Neither study reads surely more than the other": "Aucun écart assuré entre les deux études",
    "The best network of study A is {a}, that of study B {b}. Their images differ, so the rates stand side by side, "
    "each with its own interval, and a difference may be the images’.":
        "Le meilleur réseau de l’étude A est le {a}, celui de l’étude B le {b}. Leurs images diffèrent : les taux sont "
        "donc mis côte à côte, chacun avec son propre intervalle, et un écart peut venir des images.",
    "Of {n} validation images that both studies tested on, {a} of study A reads {first} and {b} of study B {second}: "
    "{difference}.":
        "Sur {n} images de validation communes aux deux études, le {a} de l’étude A lit {first} et le {b} de l’étude B "
        "{second} : {difference}.",
    "The 95\u00a0% interval comes from drawing {groups} of images anew; it contains 0, so this may be chance.":
        "L’intervalle à 95 % est obtenu en rééchantillonnant {groups} d’images ; il contient 0 : ce peut être le "
        "hasard.",
    "The 95\u00a0% interval comes from drawing {groups} of images anew; it does not contain 0.":
        "L’intervalle à 95 % est obtenu en rééchantillonnant {groups} d’images ; il ne contient pas 0.",
    "Not everything could be compared.": "Tout n’a pas pu être comparé.",
    "No difference on the validation images has an interval: {why}.":
        "Aucun écart sur les images de validation n’a d’intervalle : {why}.",
    "No difference on the new letters has an interval: {why}.":
        "Aucun écart sur les nouvelles lettres n’a d’intervalle : {why}.",
    "No difference on the new digits has an interval: {why}.":
        "Aucun écart sur les nouveaux chiffres n’a d’intervalle : {why}.",
    "nothing tells which images those of study {study} were": "rien ne dit quelles étaient celles de l’étude {study}",
    "the two studies were tested on different images": "les deux études ont été testées sur des images différentes",
    "the two studies share none of them": "les deux études n’en partagent aucune",
    "The predictions of {model} of study {study} are not in its store.":
        "Les prédictions du {model} de l’étude {study} ne sont pas dans son espace de stockage.",
    "Neither store has the packed glyphs any more, so each image counts for itself.":
        "Aucun des deux espaces de stockage n’a plus les glyphes empaquetés : chaque image compte pour elle-même.",
    "Neither store has the packed letters any more, so each image counts for itself.":
        "Aucun des deux espaces de stockage n’a plus les lettres empaquetées : chaque image compte pour elle-même.",
    "Neither store has the packed digits any more, so each image counts for itself.":
        "Aucun des deux espaces de stockage n’a plus les chiffres empaquetés : chaque image compte pour elle-même.",
    "B less A, same images": "B moins A, mêmes images",
    "B less A\nsame images": "B moins A\nmêmes images",
    "not paired": "non appariées",
    "in one study only": "dans une étude seulement",
    "validation accuracy, %; bands: each study’s own 95&nbsp;% interval":
        "exactitude de validation, % ; bandes : l’intervalle à 95 % propre à chaque étude",
    "Figures": "Chiffres clés",
    "Settings": "Réglages",
    "Texts": "Textes",
    "A difference is of the same images, read by the networks of the same name. Its 95&nbsp;% interval comes from "
    "drawing whole font groups anew, since the images of one font are misread together; like every interval here it "
    "says nothing of other seeds.":
        "Un écart porte sur les mêmes images, lues par les réseaux de même nom. Son intervalle à 95 % est obtenu "
        "en rééchantillonnant des groupes entiers de polices, car les images d’une police sont mal lues ensemble ; "
        "comme tout intervalle ici, il ne dit rien d’autres graines.",
    "Validation characters": "Caractères de validation",
    "The same, with the two cases of a letter as one": "Les mêmes, casse ignorée",
    "New letters, prepared, among 62 classes": "Nouvelles lettres, préparées, parmi 62 classes",
    "New digits, prepared, among 62 classes": "Nouveaux chiffres, préparés, parmi 62 classes",
    "Better or worse": "Écart",
    "Paired on": "Appariées sur",
    "each for itself": "chacune pour elle-même",
    "surely": "assuré",
    "may be chance": "peut-être dû au hasard",
    "Classes that changed most": "Les classes qui ont le plus changé",
    "By {a} of study A and {b} of study B, each on its own validation images; in small print the most frequent wrong "
    "answer.":
        "Par le {a} de l’étude A et le {b} de l’étude B, chacun sur ses propres images de validation ; en petits "
        "caractères, la mauvaise réponse la plus fréquente.",
    "Recall, study {study}": "Rappel, étude {study}",
    "Points": "Points",
    "as {c}, {share}": "comme {c}, {share}",
    "No setting differs.": "Aucun réglage ne diffère.",
    "The same in both: {settings}.": "Identiques dans les deux : {settings}.",
    "Setting": "Réglage",
    "The data are the same, image by image.": "Les données sont les mêmes, image par image.",
    "{set}: {field}": "{set} : {field}",
    "source": "source",
    "version": "version",
    "licence": "licence",
    "Fonts": "Polices",
    "Font groups": "Groupes de polices",
    "Distinct pictures": "Dessins distincts",
    "Images to train on": "Images d’entraînement",
    "Images to validate on": "Images de validation",
    "New letters": "Nouvelles lettres",
    "New digits": "Nouveaux chiffres",
    "Code and machine": "Code et machine",
    "Code, versions and machine are the same.": "Code, versions et machine sont les mêmes.",
    "Commit": "Commit",
    "with changes that are not recorded": "avec des modifications qui ne sont pas enregistrées",
    "Processor": "Processeur",
    "Cores": "Cœurs",
    "System": "Système",
    "GPUs": "GPU",
    "Lowest validation loss": "Perte de validation la plus basse",
    "Epochs in all": "Époques en tout",
    "Best accuracy of a trial": "Meilleure exactitude d’un essai",
    "Chosen: {name}": "Choisi : {name}",
    "The searches came to the same.": "Les deux recherches ont donné le même résultat.",
    "Neither study has one.": "Aucune des deux études n’en a.",
    "Prepared images of the texts, as each network reads them glyph by glyph; below, the same as one kind. Where the "
    "two studies drew other images of a text, the readings are of those.":
        "Des images préparées des textes, telles que chaque réseau les lit glyphe par glyphe ; dessous, lues comme un "
        "seul genre. Là où les deux études ont tiré d’autres images d’un texte, les lectures portent sur celles-ci.",
    "Neither study read a text.": "Aucune des deux études n’a lu de texte.",
    "How often, as one kind": "À quelle fréquence, comme un seul genre",
    "as {kind}: {text}": "comme {kind} : {text}",
    "Text": "Texte",
    "Network": "Réseau",
}  # fmt: skip


def _spaced(text: str) -> str:
    """With the spaces that French typography keeps together."""
    for sign in ";?!%":
        text = text.replace(f" {sign}", f"\u202f{sign}")
    return text.replace(" :", "\u00a0:").replace("« ", "«\u00a0").replace(" »", "\u00a0»")


FRENCH = {english: _spaced(french) for english, french in _TYPED.items()}
