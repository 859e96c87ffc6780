"""The measures of a clustering in words: what they are called, what they mean, which way is better."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

INDEX_NAMES = (
    "calinski_harabasz",
    "log_ss_ratio",
    "c_index",
    "mcclain_rao",
    "dunn",
    "xie_beni",
    "silhouette",
    "davies_bouldin",
)
HIGH_IS_BETTER = frozenset({"calinski_harabasz", "log_ss_ratio", "dunn", "silhouette"})

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "calinski_harabasz": "Calinski-Harabasz",
        "log_ss_ratio": "Log SS ratio",
        "c_index": "C-index",
        "mcclain_rao": "McClain-Rao",
        "dunn": "Dunn",
        "xie_beni": "Xie-Beni",
        "silhouette": "Silhouette",
        "davies_bouldin": "Davies-Bouldin",
        "clusters_used": "Clusters that hold a patch",
        "stability": "Agreement of two seeds (ARI)",
    }
)

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "calinski_harabasz": "How far the cluster centres lie apart, compared with the scatter inside the "
        "clusters, corrected for their number.",
        "log_ss_ratio": "The logarithm of the scatter between the clusters over the scatter inside them; it "
        "rises with the number of clusters by itself.",
        "c_index": "Where the distances inside the clusters lie between the smallest and the largest that "
        "there are: 0 is best, 1 is worst.",
        "mcclain_rao": "The mean distance of two patches of one cluster over that of two patches of two "
        "clusters.",
        "dunn": "The smallest distance between two clusters over the widest cluster; one stray patch decides "
        "it.",
        "xie_beni": "The mean squared distance to the own centre over the smallest squared distance between "
        "two clusters; one stray patch decides it.",
        "silhouette": "How much closer a patch is to its own cluster than to the next one, in the mean: "
        "1 is best, 0 is on the border, below 0 is in the wrong cluster.",
        "davies_bouldin": "How much each cluster overlaps the one most like it, in the mean.",
        "clusters_used": "How many of the clusters asked for hold a patch at all.",
        "stability": "How alike the clusters of two trainings are that differ only in their random start: "
        "1 is the same, 0 is no better than chance.",
    }
)
